//! Which columns of a Parquet file hold expert ids, and which say what a row is of.

use crate::container::parquet::{Column, ParquetFile};

/// Names of columns that hold the experts of a token, in a list or one per row.
const IDS: [&str; 7] =
    ["indices", "topk_ids", "topk_indices", "expert_ids", "expert_indices", "selected_experts", "experts"];

/// Names of columns that hold one expert per row.
const ID: [&str; 3] = ["expert", "expert_id", "expert_idx"];

/// Names before a number, of columns that hold one expert of every token each.
const NUMBERED: [&str; 6] = ["expert_", "expert", "expert_id_", "indices_", "topk_ids_", "topk_"];

const LAYER: [&str; 6] = ["layer", "layer_id", "layer_idx", "layer_index", "layer_number", "moe_layer"];
const SAMPLE: [&str; 4] = ["sample_id", "sample", "sample_idx", "sample_index"];
const STEP: [&str; 6] = ["step", "global_step", "train_step", "training_step", "iteration", "checkpoint"];
/// `token` comes last, as it may hold the token's text.
const TOKEN: [&str; 7] = ["token_idx", "token_index", "token_pos", "position", "position_id", "pos", "token"];
const SLOT: [&str; 5] = ["slot", "k", "topk_rank", "expert_rank", "rank"];

/// Other columns that may tell rows of the same token apart.
const OTHERS: [&str; 33] = [
    "prompt",
    "prompt_id",
    "prompt_idx",
    "request",
    "request_id",
    "batch",
    "batch_id",
    "batch_idx",
    "seq",
    "seq_id",
    "seq_idx",
    "sequence",
    "sequence_id",
    "doc_id",
    "document_id",
    "item",
    "item_id",
    "task",
    "choice",
    "turn",
    "generation",
    "worker",
    "worker_id",
    "device",
    "gpu",
    "shard",
    "model",
    "model_id",
    "run",
    "run_id",
    "seed",
    "epoch",
    "ckpt",
];

/// Where the experts of a token are.
pub enum Ids<'a> {
    /// A list per row.
    Lists(&'a Column),
    /// One expert per row; a token has several rows.
    Rows(&'a Column),
    /// One column per expert of a token.
    Columns(Vec<&'a Column>),
}

/// The columns that are read.
pub struct Columns<'a> {
    pub ids: Ids<'a>,
    pub layer: Option<&'a Column>,
    pub sample: Option<&'a Column>,
    pub token: Option<&'a Column>,
    pub step: Option<&'a Column>,
    pub domain: Option<&'a Column>,
    /// Place of an expert among those of its token, where there is one expert per row.
    pub slot: Option<&'a Column>,
    /// Others that must not differ between the rows of a sample.
    pub others: Vec<&'a Column>,
}

fn name(column: &Column) -> String {
    column.path.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default()
}

impl<'a> Columns<'a> {
    /// Finds the columns; `None` where none holds expert ids.
    pub fn find(file: &'a ParquetFile) -> Option<Self> {
        let find = |names: &[&str]| {
            names.iter().find_map(|wanted| file.columns().iter().find(|column| name(column) == *wanted))
        };
        let token = find(&TOKEN).filter(|column| column.physical.is_number() || name(column) != "token");
        let several = |column: &&Column| column.max_repetition == 0 && token.is_some();
        let ids = match find(&IDS) {
            Some(column) if several(&column) => Ids::Rows(column),
            Some(column) => Ids::Lists(column),
            None => match numbered(file) {
                Some(columns) => Ids::Columns(columns),
                None => Ids::Rows(find(&ID)?),
            },
        };
        let slot = find(&SLOT).filter(|_| matches!(ids, Ids::Rows(_)));
        let mut columns = Self {
            ids,
            layer: find(&LAYER),
            sample: find(&SAMPLE),
            token,
            step: find(&STEP),
            domain: find(&["domain"]),
            slot,
            others: Vec::new(),
        };
        let taken: Vec<&Vec<String>> = [columns.sample, columns.step, columns.slot]
            .iter()
            .flatten()
            .map(|column| &column.path)
            .collect();
        let others = file.columns().iter().filter(|column| {
            let name = name(column);
            let known = [&SAMPLE[..], &STEP, &OTHERS].iter().any(|names| names.contains(&name.as_str()));
            (known || name == "rank" || name.ends_with("_rank")) && !taken.contains(&&column.path)
        });
        columns.others = others.collect();
        Some(columns)
    }
}

/// `expert_0`, `expert_1`, …: columns of whole numbers that are numbered from 0 or 1 on.
fn numbered(file: &ParquetFile) -> Option<Vec<&Column>> {
    NUMBERED.iter().find_map(|prefix| {
        let mut found: Vec<(usize, &Column)> = file
            .columns()
            .iter()
            .filter_map(|column| Some((name(column).strip_prefix(prefix)?.parse().ok()?, column)))
            .filter(|(_, column)| column.max_repetition == 0 && column.physical.is_integer())
            .collect();
        found.sort_by_key(|&(number, _)| number);
        let first = found.first().map(|&(number, _)| number).filter(|&first| first <= 1)?;
        let whole = found.iter().enumerate().all(|(at, &(number, _))| number == first + at);
        whole.then(|| found.into_iter().map(|(_, column)| column).collect())
    })
}

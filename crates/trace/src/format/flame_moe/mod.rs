//! Routing in Parquet. FLAME-MoE publishes it (CMU-FLAME/FLAME-MoE-Traces) as one file per layer
//! with one row per token, `indices` (the selected experts) and `scores` (their probabilities); row
//! `i` of every layer is the same token. The layers of a checkpoint are in one folder, which is
//! named by its step. Tables of other programs have columns for the layer, sample, token and step
//! of a row.
//!
//! Only the selected experts have scores, so mean gates cannot be computed and selection
//! frequencies replace them (`docs/metrics.md#mean-gates`). FLAME-MoE does not record the ends of
//! samples: see [`join_layers`].

mod arrange;
mod columns;
mod concat;
mod join;
mod keys;
pub mod layer;
mod rows;

use std::rc::Rc;

pub use crate::format::flame_moe::join::join_layers;
use crate::{
    archive::codecs,
    container::parquet::{self, Column, Page, ParquetFile, Values},
    error::Error,
    format::{
        flame_moe::{
            arrange::{Arranged, arrange},
            columns::{Columns, Ids},
            join::experts_assumed,
            keys::{Keys, Table, scalar_ids},
            layer::{MAX_SELECTIONS, NAME, TABLE, TraceLayer},
            rows::{Rows, scores_fall},
        },
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
    },
    model::{MAX_EXPERTS, StepSource},
    open_trace::not_so_many,
    text::{shorten, step_name::step_from_name},
};

/// Parquet files of expert ids.
pub const FORMAT: Format = Format {
    endings: &["parquet"],
    in_tensors: false,
    content: "a Parquet file of expert ids (FLAME-MoE)",
    entry: None,
    probe: |probe| {
        let found = parquet::looks_like(&probe.head);
        found.then(|| -> Match<'_> { Box::pin(open(probe)) })
    },
};

/// Reads one file, or only the footer of a file with other columns.
///
/// # Errors
/// [`Error::Format`] for a file that does not follow the format, for impossible ids and scores, and
/// for rows whose columns do not fit together.
async fn open(probe: &Probe) -> Result<Opened, Error> {
    let source = &probe.source;
    let name = source.name();
    let file = ParquetFile::open(Rc::clone(source)).await?;
    let Some(columns) = Columns::find(&file) else { return Ok(Opened::plain(unrelated(name, &file))) };
    let table = Table { name, len: source.len(), file: &file };
    let keys = Keys::read(&table, &columns).await?;
    let (ids, width) = match &columns.ids {
        Ids::Lists(column) => lists(name, &file, column).await?,
        scalar => scalar_ids(&table, scalar).await?,
    };
    let largest = ids.iter().copied().max().unwrap_or(0);
    if let Some(experts) = probe.settings.experts
        && (experts <= usize::from(largest) || experts > MAX_EXPERTS)
    {
        return Err(not_so_many(name, experts, format!("ids up to {largest}")));
    }
    let ordered = match (file.column("scores"), &columns.ids) {
        (Some(column), Ids::Lists(_)) => scores_fall(name, &file, column, width).await?,
        _ => false,
    };
    let one_per_row = matches!(columns.ids, Ids::Rows(_));
    let several = Several { probe, table: &table, ordered, one_per_row, width };
    if keys.steps.0.len() > 1 {
        return several.checkpoints(&keys, &ids, largest);
    }
    let step = keys.step;
    let plain = keys.is_empty() && !one_per_row;
    let arranged = if plain {
        Arranged { k: width, tokens: ids.len() / width, layers: vec![(None, ids.into())], samples: None }
    } else {
        arrange(&table, keys, &ids, width, one_per_row)?
    };
    let format = if plain { NAME } else { TABLE };
    Ok(Opened::plain(FileKind::Layer(several.layer(arranged, format, step)?)))
}

/// Data that all checkpoints of a file have in common.
struct Several<'a> {
    probe: &'a Probe,
    table: &'a Table<'a>,
    ordered: bool,
    one_per_row: bool,
    /// Ids per row.
    width: usize,
}

impl Several<'_> {
    /// The layers of one checkpoint, whose step a column may state.
    fn layer(
        &self,
        arranged: Arranged,
        format: &'static str,
        from_column: Option<u64>,
    ) -> Result<TraceLayer, Error> {
        let name = self.table.name;
        let Arranged { layers, k, tokens, samples } = arranged;
        let place = Place::of(name);
        let step = from_column.or(place.step);
        let numbered: Option<Vec<_>> =
            layers.into_iter().map(|(number, ids)| Some((number.or(place.layer)?, ids))).collect();
        let layers = numbered.ok_or_else(|| Error::Format {
            name: name.to_owned(),
            part: "name".to_owned(),
            found: "no number of a layer".to_owned(),
            expected: "a name like layer_02.parquet, or a column `layer`".to_owned(),
            advice: "Name each layer's file by its number.",
        })?;
        Ok(TraceLayer {
            name: name.to_owned(),
            format,
            folder: place.folder(from_column),
            layer: layers.first().map_or(0, |&(number, _)| number),
            step,
            step_from: match (from_column, step) {
                (Some(_), _) => StepSource::Metadata,
                (None, Some(_)) => StepSource::FileName,
                (None, None) => StepSource::None,
            },
            tokens,
            k,
            experts: self.probe.settings.experts,
            ordered: self.ordered,
            bytes: self.table.len,
            layers,
            samples: samples.map(Rc::new),
        })
    }

    /// The checkpoints of a file whose column `step` has several values. Columns must name layers and
    /// samples, as no other file can complete these checkpoints.
    fn checkpoints(&self, keys: &Keys, ids: &[u16], largest: u16) -> Result<Opened, Error> {
        if keys.layers.is_none() || keys.samples.is_none() {
            return Err(self.table.wrong(
                "step",
                format!("{} checkpoints", keys.steps.0.len()),
                "one, or columns `layer` and `sample_id`",
                "Add these columns, or write one file for each checkpoint, named by its step (step-1000.parquet).",
            ));
        }
        let experts = self
            .probe
            .settings
            .experts
            .unwrap_or_else(|| (usize::from(largest) + 1).next_power_of_two().min(MAX_EXPERTS));
        // As many as a packed file of this size may unpack to.
        let most = codecs::limit(self.table.len) as usize;
        let (mut traces, mut warnings, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        if self.probe.settings.experts.is_none() {
            warnings.push(experts_assumed(self.table.name, largest, experts));
        }
        for (rows, keys) in keys.split() {
            let step = keys.step;
            let mut own = Vec::with_capacity(rows.len() * self.width);
            for row in rows {
                let start = row as usize * self.width;
                own.extend_from_slice(ids.get(start..start + self.width).unwrap_or_default());
            }
            let mut layer =
                self.layer(arrange(self.table, keys, &own, self.width, self.one_per_row)?, TABLE, step)?;
            layer.experts = Some(experts);
            let samples = layer.samples.as_ref().map_or(0, |samples| samples.offsets.len());
            bytes =
                bytes.saturating_add(samples.saturating_mul(layer.layers.len()).saturating_mul(4 * experts));
            if bytes > most {
                return Err(Error::TooLarge {
                    name: self.table.name.to_owned(),
                    what: "the selection frequencies of its checkpoints".to_owned(),
                    bytes: bytes as u64,
                    limit: most as u64,
                    advice: "Correct the number of experts, or write one file for each checkpoint.",
                });
            }
            let mut trace = join_layers(&[&layer], &[], &mut warnings)?;
            self.table.name.clone_into(&mut trace.info.name);
            traces.push(trace);
        }
        Ok(Opened { what: FileKind::Traces(traces), warnings })
    }
}

fn unrelated(name: &str, file: &ParquetFile) -> FileKind {
    let mut names: Vec<String> = file.names().take(8).map(shorten).collect();
    names.dedup();
    FileKind::unrelated(format!(
        "{name}: a Parquet file without a column `indices`; it has `{}`. Routing traces in Parquet (FLAME-MoE) have \
         `indices` and `scores`, one list of each per token.",
        names.join("`, `")
    ))
}

/// Ids that come in lists of one length, and that length.
async fn lists(name: &str, file: &ParquetFile, column: &Column) -> Result<(Vec<u16>, usize), Error> {
    let title = column.path.first().map_or("indices", String::as_str);
    let mut ids: Vec<u16> = Vec::new();
    let mut rows = Rows::new(name, title);
    file.read(column, |page| {
        let Page { begins, values: Values::Ints(values) } = page else {
            return Err(rows.wrong(
                column.physical.words(),
                "whole numbers",
                "Write the experts' ids there.",
            ));
        };
        rows.take(&begins)?;
        if ids.len() + values.len() > MAX_SELECTIONS {
            return Err(rows.wrong(
                format!("more than {MAX_SELECTIONS} ids"),
                "at most that many in a layer",
                "Write fewer tokens.",
            ));
        }
        for id in values {
            let at = ids.len();
            ids.push(u16::try_from(id).ok().filter(|&id| usize::from(id) < MAX_EXPERTS).ok_or_else(
                || {
                    rows.wrong(
                        format!("expert {id} in row {}", rows.row_of(at)),
                        "ids from 0 to 65534",
                        "Leave out padding, and write the experts' own numbers.",
                    )
                },
            )?);
        }
        Ok(())
    })
    .await?;
    let k = rows.finish(file.rows)?;
    for (row, selected) in ids.chunks_exact(k).enumerate() {
        if let Some(twice) =
            selected.iter().enumerate().find_map(|(at, id)| selected.get(..at)?.contains(id).then_some(id))
        {
            return Err(rows.wrong(
                format!("expert {twice} twice in row {row}"),
                "different experts",
                "Write distinct experts per token.",
            ));
        }
    }
    Ok((ids, k))
}

/// Folder, layer and step in the path of a file.
struct Place<'a> {
    folder: &'a str,
    /// The number of the layer.
    layer: Option<u64>,
    step: Option<u64>,
    /// The step by the file's own name.
    own_step: Option<u64>,
}

impl<'a> Place<'a> {
    fn of(name: &'a str) -> Self {
        let (folder, base) = name.rsplit_once(['/', '\\']).unwrap_or(("", name));
        // Partitioned data sets have a folder `layer=2` for each layer.
        let (above, last) = folder.rsplit_once(['/', '\\']).unwrap_or(("", folder));
        let partition = last.strip_prefix("layer=").and_then(|number| number.parse().ok());
        Self {
            folder: if partition.is_some() { above } else { folder },
            layer: partition.or_else(|| layer_number(base)),
            step: step_from_name(name).map(|named| named.step).or_else(|| numbered_folder(folder)),
            own_step: step_from_name(base).map(|named| named.step),
        }
    }

    /// The folder, with the step below it where the file itself names the step: files of other steps lie there too.
    fn folder(&self, from_column: Option<u64>) -> String {
        match from_column.or(self.own_step) {
            Some(step) if self.folder.is_empty() => format!("step-{step}"),
            Some(step) => format!("{}/step-{step}", self.folder),
            None => self.folder.to_owned(),
        }
    }
}

/// The number after `layer` in a file's name, or the last number in it.
fn layer_number(base: &str) -> Option<u64> {
    let base = base.split(['?', '#']).next().unwrap_or(base).to_ascii_lowercase();
    let after = base.match_indices("layer").find_map(|(at, word)| {
        let rest = base.get(at + word.len()..)?;
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        let rest = rest.strip_prefix(['_', '-', '.', '=', ' ']).unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    });
    let stem = base.split('.').next().unwrap_or(&base);
    let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = end.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    after.or_else(|| end.get(start..)?.parse().ok())
}

/// The step in the name of a FLAME-MoE folder, which is a bare number.
fn numbered_folder(folder: &str) -> Option<u64> {
    folder.rsplit(['/', '\\']).find_map(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_layer_and_step() {
        assert_eq!(layer_number("layer_02.parquet"), Some(2));
        assert_eq!(layer_number("moe-12-topk.parquet"), Some(12));
        assert_eq!(layer_number("layer.parquet"), None);
        assert_eq!(layer_number("layer_02_rank_1.parquet"), Some(2));
        assert_eq!(layer_number("step-500-layer7.parquet"), Some(7));
        assert_eq!(layer_number("model.layers.3.mlp.parquet"), Some(3));
        let folder = |name| (Place::of(name).folder(None), Place::of(name).layer, Place::of(name).step);
        assert_eq!(folder("run/step-7/02.parquet"), ("run/step-7".to_owned(), Some(2), Some(7)));
        assert_eq!(folder("run/step-7-layer-2.parquet"), ("run/step-7".to_owned(), Some(2), Some(7)));
        assert_eq!(folder("run/step=7/layer=2/part-0.parquet"), ("run/step=7".to_owned(), Some(2), Some(7)));
        assert_eq!(numbered_folder("flame/290M/2640"), Some(2640));
        assert_eq!(numbered_folder("flame/actives/880/rank"), Some(880));
        assert_eq!(numbered_folder("flame"), None);
    }
}

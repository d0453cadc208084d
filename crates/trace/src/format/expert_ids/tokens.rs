//! JSON lines with one record per token and layer, as loggers in vLLM and similar servers write them:
//! `{"req_id": "s0", "token_idx": 0, "layer": 3, "topk_ids": [0, 6]}`.

use serde::Deserialize;

use crate::{
    error::Error,
    format::{
        expert_ids::{
            lines::{beginning, lines_of},
            table::{MOST_LAYERS, MOST_TOKENS, Table},
        },
        kind::{FileKind, Format, Match, Opened},
        probe::{Probe, Settings},
    },
    io::source::{ByteSource as _, Source},
    open_trace::OpenTrace,
    text::{IdText, json_words},
};

/// Records of single tokens.
pub const FORMAT: Format = Format {
    endings: &["jsonl", "ndjson"],
    in_tensors: false,
    content: "JSON lines with one token and layer per line (`token_idx`, `layer`, `topk_ids`)",
    entry: None,
    probe,
};

#[derive(Deserialize)]
struct Record {
    #[serde(alias = "sample", alias = "req_id", alias = "request_id", alias = "prompt_id")]
    sample_id: Option<IdText>,
    #[serde(alias = "token", alias = "token_index", alias = "position", alias = "pos")]
    token_idx: Option<u64>,
    #[serde(alias = "layer_id", alias = "layer_idx")]
    layer: Option<u64>,
    #[serde(alias = "expert_ids", alias = "experts", alias = "selected_experts")]
    topk_ids: Option<Vec<u16>>,
    domain: Option<String>,
    #[serde(alias = "global_step")]
    step: Option<u64>,
    #[serde(alias = "n_experts", alias = "num_local_experts", alias = "n_routed_experts")]
    num_experts: Option<usize>,
}

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = beginning(probe)?;
    let has = |keys: &[&str]| keys.iter().any(|key| text.contains(&format!("\"{key}\"")));
    let tokens = has(&["token_idx", "token_index", "token", "position", "pos"]);
    let ids = has(&["topk_ids", "expert_ids", "experts", "selected_experts"]);
    if !tokens || !ids || !has(&["layer", "layer_id", "layer_idx"]) {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let traces = open(&probe.source, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::of_traces(traces), warnings })
    }))
}

/// Reads the records.
///
/// # Errors
/// [`Error::Text`] with the line.
async fn open(
    source: &Source,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Vec<OpenTrace>, Error> {
    let name = source.name();
    let wrong = |line: usize, found: String| {
        Error::Text {
        name: name.to_owned(),
        place: format!("line {line}"),
        found,
        expected: "an object with `token_idx`, `layer` and `topk_ids`, and the `sample_id` in every record or in none"
            .to_owned(),
        advice: "Correct the line.",
    }
    };
    let mut lines = lines_of(source);
    let mut table: Option<Table<'_>> = None;
    let mut experts = None;
    let mut last = 0;
    let mut named = false;
    while let Some(line) = lines.next().await? {
        last = line.span.number;
        let bytes = if last == 1 {
            line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes)
        } else {
            line.bytes
        };
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let record: Record =
            serde_json::from_slice(bytes).map_err(|error| wrong(last, json_words(bytes, &error)))?;
        experts = experts.or(record.num_experts);
        let Some(ids) = record.topk_ids else {
            // A record that only describes the file.
            if record.layer.is_some() || record.token_idx.is_some() {
                return Err(wrong(last, "a record without `topk_ids`".to_owned()));
            }
            continue;
        };
        let (Some(token), Some(layer)) = (record.token_idx, record.layer) else {
            return Err(wrong(last, "a record without `token_idx` or `layer`".to_owned()));
        };
        if token >= MOST_TOKENS || layer >= MOST_LAYERS {
            return Err(wrong(last, format!("token {token} of layer {layer}")));
        }
        let id = record.sample_id.map(|IdText(id)| id);
        let table = table.get_or_insert_with(|| {
            named = id.is_some();
            Table::new(source, named, true)
        });
        if named != id.is_some() {
            return Err(wrong(last, "a sample id in some records only".to_owned()));
        }
        let id = id.unwrap_or_else(|| "0".to_owned());
        table.begin(
            last,
            record.step,
            id.as_bytes(),
            record.domain.as_deref().map(str::as_bytes),
            token,
            layer,
        )?;
        for expert in ids {
            table.select(last, expert)?;
        }
    }
    let Some(mut table) = table else { return Err(super::opened::no_ids(name)) };
    table.experts = experts;
    table.end_run(last)?;
    table.finish(source, settings, warnings)
}

//! Benchmark results: `run.json`, tables, and what Weights & Biases, lm-evaluation-harness and OLMo write.

mod cells;
mod columns;
pub mod csv;
pub mod json;
pub mod lm_eval;
pub mod lm_eval_samples;
mod metric_name;
mod metrics;
pub mod olmo_metrics;
mod step;
pub mod wandb;

use crate::{
    error::Error,
    io::source::{ByteSource as _, Source},
    text::shorten,
};

/// Names that one message lists.
const LISTED: usize = 6;

/// All bytes of a text file, without its byte order mark.
///
/// # Errors
/// [`Error::TooLarge`] beyond `limit`, and what the source returns.
async fn read_text(source: &Source, limit: u64, advice: &'static str) -> Result<Vec<u8>, Error> {
    if source.len() > limit {
        return Err(Error::TooLarge {
            name: source.name().to_owned(),
            what: "the table of results".to_owned(),
            bytes: source.len(),
            limit,
            advice,
        });
    }
    let mut bytes = source.read(0, source.len() as usize).await?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// Names in backquotes, the first few of them: "`a`, `b` and 3 more".
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names.by_ref().take(LISTED).map(|name| format!("`{}`", shorten(name))).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

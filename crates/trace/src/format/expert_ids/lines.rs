//! Lines of JSON records with expert ids.

use std::rc::Rc;

use crate::{
    error::Error,
    format::{expert_ids::scan::Scan, probe::Probe},
    io::{
        lines::{Limit, Lines},
        source::{ByteSource as _, Source},
    },
};

/// The content of all formats of JSON lines with ids, for messages.
pub const CONTENT: &str = "JSON lines with expert ids (`routed_experts` of vLLM or SGLang, `exp_ids` of the OLMoE scripts, \
     `top_indices` of Megatron's tracer with its `logits_rank0.bin`)";

/// The start of a file of JSON lines.
pub fn beginning(probe: &Probe) -> Option<&str> {
    let text = probe.first_line().or_else(|| probe.text())?;
    let list = text.trim_start().strip_prefix('[').unwrap_or(text);
    list.trim_start().starts_with('{').then_some(text)
}

/// The longest line. It holds many times 10,000 tokens of 64 layers, and fits twice into a browser's
/// memory.
const LIMIT: Limit =
    Limit { bytes: 256 << 20, advice: "Write one record per line, and samples of a few thousand tokens." };

/// The lines of a file, from the first.
pub fn lines_of(source: &Source) -> Lines {
    Lines::new(Rc::clone(source), LIMIT)
}

/// The lines of a file of JSON records. Where the first line is no whole value, as in a list or an
/// object over several lines, the whole file is taken for one line.
///
/// # Errors
/// What the source returns, and [`Error::TooLarge`] for a line that is too long.
pub async fn record_lines(source: &Source) -> Result<Lines, Error> {
    let mut start = lines_of(source);
    let whole = loop {
        match start.next().await? {
            None => break false,
            Some(line) if line.bytes.trim_ascii().is_empty() => {}
            Some(line) => {
                let bytes = line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes);
                break Scan::new(bytes).value().is_err();
            }
        }
    };
    let fits = source.len() <= LIMIT.bytes;
    Ok(if whole && fits { Lines::whole(Rc::clone(source), LIMIT) } else { lines_of(source) })
}

/// The error for a record that has changed since the file was opened.
pub fn changed(name: &str, line: usize) -> Error {
    Error::Text {
        name: name.to_owned(),
        place: format!("line {line}"),
        found: "another record than before".to_owned(),
        expected: "the file as it was opened".to_owned(),
        advice: "The file has changed since it was opened; open it again.",
    }
}

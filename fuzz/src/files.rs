//! An input that is a file: its first line is the file's name, the rest its content. So names are changed too, and
//! `tail -n +2` makes the file of a finding.

use std::rc::Rc;

use futures::executor::block_on;
use trace::{IdsSettings, MemorySource, OpenTrace, Opened, Recognised, Source, open_mapped, open_with};

use crate::heap::Bound;

/// Longest first line that is a name.
const LONGEST_NAME: usize = 80;

/// Bytes of an unpacked file that are read beside what its reader reads.
const BEGINNING: u64 = 4096;

/// What unpacking may take: bytes may become 1,100 times as many and a MiB. Those are in memory twice while their buffer
/// doubles, again in the window of zstd, which doubles too, and copied once when they are through: five times at the most
/// that was seen, and eight are allowed.
pub const UNPACKING: Bound = Bound { factor: 8 * 1100, beside: 8 << 20 };

/// The name in the first line, and the content. Without a name the file is called `file`.
#[must_use]
pub fn named(input: &[u8]) -> (&str, &[u8]) {
    let end = input.iter().take(LONGEST_NAME).position(|&byte| byte == b'\n');
    let name = end.and_then(|end| std::str::from_utf8(input.get(..end)?).ok());
    match name {
        Some(name) => (name, input.get(name.len() + 1..).unwrap_or_default()),
        None => ("file", input),
    }
}

/// The same, where names have one of these endings: `usual` is the name of all others.
#[must_use]
pub fn named_as<'a>(input: &'a [u8], endings: &[&str], usual: &'a str) -> (&'a str, &'a [u8]) {
    let (name, content) = named(input);
    let fits = endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    (if fits { name } else { usual }, content)
}

/// Unpacks a file, if it is packed, and reads everything in it that can be read.
pub fn read_all(name: &str, content: &[u8], reading: Bound) {
    let source: Source = Rc::new(MemorySource::new(name, content));
    let Ok(unpacked) = UNPACKING.hold(content.len(), || block_on(trace::unpack(source))) else { return };
    for file in unpacked.files {
        // What a packed member claims to be is checked when it is read.
        let len = file.len().min(content.len() as u64 * 1100 + (1 << 20)) as usize;
        Bound { beside: reading.beside + UNPACKING.beside, ..reading }.hold(len, || read(&file));
    }
}

/// Reads everything in a file, and checks what readers promise of it.
pub fn read(file: &Source) {
    let settings = if file.name().contains("given") {
        IdsSettings { experts: Some(8), layers: Some(2), top_k: Some(2) }
    } else {
        IdsSettings::default()
    };
    block_on(file.read(0, file.len().min(BEGINNING) as usize)).ok();
    let opened = match block_on(open_with(Rc::clone(file), settings)) {
        Ok(opened) => opened,
        Err(error) => return said(&error.to_string()),
    };
    opened_whole(file, opened);
}

fn opened_whole(file: &Source, Opened { what, warnings }: Opened) {
    all_said(&warnings);
    match what {
        Recognised::Trace(mut trace) => {
            traced(&trace);
            // A file that was recorded beside it can hold anything.
            if trace.set_logits(file).is_ok() {
                block_on(trace.gates(0..trace.info.samples.len())).ok();
            }
        }
        Recognised::Layer(layer) => {
            let mut warnings = Vec::new();
            match trace::join_layers(&[&layer], &[], &mut warnings) {
                Ok(trace) => traced(&trace),
                Err(error) => said(&error.to_string()),
            }
        }
        Recognised::Mappable(proposal) => {
            said(&proposal.sentence());
            match block_on(open_mapped(Rc::clone(file), &proposal.mapping)) {
                Ok(Opened { what: Recognised::Trace(trace), .. }) => traced(&trace),
                Ok(_) => {}
                Err(error) => said(&error.to_string()),
            }
        }
        Recognised::Results(results) => {
            trace::write_results(&results).expect("results can be written");
        }
        Recognised::Unrelated { looked_for } => said(&looked_for),
        Recognised::Embeddings(_)
        | Recognised::ItemGates(_)
        | Recognised::TokenGates(_)
        | Recognised::SampleList(_)
        | Recognised::Items
        | Recognised::GateInputs { .. }
        | Recognised::Logits(_)
        | Recognised::Text => {}
    }
}

/// Everything that a trace has, and its shapes.
fn traced(trace: &OpenTrace) {
    let info = &trace.info;
    let samples = info.samples.len();
    let row = info.layers * info.experts;
    match block_on(trace.gates(0..samples)) {
        Ok(gates) => {
            assert_eq!(gates.len(), samples * row, "gates have another shape than the trace");
            assert!(gates.iter().all(|gate| gate.is_finite()), "gates that are no numbers");
        }
        Err(error) => said(&error.to_string()),
    }
    all_said(&trace.take_notices());
    match block_on(trace.topk(0..samples)) {
        Ok(Some(topk)) => {
            let tokens = topk.offsets.last().copied().unwrap_or_default();
            assert_eq!(topk.offsets.len(), samples + 1, "selections of other samples");
            assert!(topk.offsets.is_sorted(), "selections begin before they end");
            assert_eq!(topk.ids.len(), tokens * topk.layers * topk.k, "selections have another shape");
            assert!(topk.ids.iter().all(|&id| usize::from(id) < info.experts), "selections of no expert");
        }
        Ok(None) => {}
        Err(error) => said(&error.to_string()),
    }
    if let Ok(Some(counts)) = block_on(trace.counts(0..samples)) {
        assert_eq!(counts.values.len(), samples * row, "counts have another shape than the trace");
    }
    block_on(trace.router()).ok();
    if let Some(last) = samples.checked_sub(1) {
        block_on(trace.gates(last..samples)).ok();
        block_on(trace.topk(last..samples)).ok();
    }
}

/// What is said to people: never nothing, and never a flood.
///
/// # Panics
/// When it is either.
pub fn said(text: &str) {
    assert!(!text.trim().is_empty(), "nothing is said");
    assert!(text.len() < 64 << 10, "{} bytes are said", text.len());
}

/// The same of several texts.
///
/// # Panics
/// As [`said`].
pub fn all_said(texts: &[String]) {
    for text in texts {
        said(text);
    }
}

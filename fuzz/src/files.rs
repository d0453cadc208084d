//! Inputs that are files: the first line is the name, the rest the content. This way libFuzzer changes names too, and
//! `tail -n +2` turns a finding into a file.

use std::rc::Rc;

use futures::executor::block_on;
use trace::{
    FileKind, GateKind, IdsSettings, MemorySource, OpenTrace, Opened, RouterRule, Source, open_mapped,
    open_with,
};

use crate::heap::Bound;

/// The most bytes of a first line that is a name.
const MAX_NAME: usize = 80;

/// Bytes of an unpacked file that are read in addition to what its reader reads.
const START: u64 = 4096;

/// The rule that a `config.json` may state.
const SIGMOID: RouterRule = RouterRule { kind: GateKind::SigmoidNormalizedMean, by_rank: false };

/// The bound of unpacking. Data may grow to 1,100 times its size and one MiB. It is in memory twice while its buffer
/// doubles, twice in the window of zstd, and once in the final copy: five times at most, of which eight are allowed.
pub const UNPACKING: Bound = Bound { per_byte: 8 * 1100, constant: 8 << 20 };

/// Splits an input into the name in its first line and the content. Without a name the file is called `file`.
#[must_use]
pub fn split_name(input: &[u8]) -> (&str, &[u8]) {
    let end = input.iter().take(MAX_NAME).position(|&byte| byte == b'\n');
    let name = end.and_then(|end| std::str::from_utf8(input.get(..end)?).ok());
    match name {
        Some(name) => (name, input.get(name.len() + 1..).unwrap_or_default()),
        None => ("file", input),
    }
}

/// As [`split_name`], for files with one of these endings; any other name is replaced with `usual`.
#[must_use]
pub fn split_name_as<'a>(input: &'a [u8], endings: &[&str], usual: &'a str) -> (&'a str, &'a [u8]) {
    let (name, content) = split_name(input);
    let fits = endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    (if fits { name } else { usual }, content)
}

/// Unpacks a file, if it is packed, and reads everything in it.
pub fn read_all(name: &str, content: &[u8], reading: Bound) {
    let source: Source = Rc::new(MemorySource::new(name, content));
    let Ok(unpacked) = UNPACKING.enforce(content.len(), || block_on(trace::unpack(source))) else { return };
    for file in unpacked.files {
        // The size that a packed member claims is checked when it is read.
        let len = file.len().min(content.len() as u64 * 1100 + (1 << 20)) as usize;
        Bound { constant: reading.constant + UNPACKING.constant, ..reading }.enforce(len, || read(&file));
    }
}

/// Reads everything in a file and checks what readers guarantee.
pub fn read(file: &Source) {
    let settings = if file.name().contains("given") {
        IdsSettings { experts: Some(8), layers: Some(2), top_k: Some(2) }
    } else {
        IdsSettings::default()
    };
    block_on(file.read(0, file.len().min(START) as usize)).ok();
    let opened = match block_on(open_with(Rc::clone(file), settings)) {
        Ok(opened) => opened,
        Err(error) => return check_message(&error.to_string()),
    };
    read_kind(file, opened);
}

fn read_kind(file: &Source, Opened { what, warnings }: Opened) {
    check_messages(&warnings);
    match what {
        FileKind::Trace(mut trace) => {
            read_trace(&trace);
            complete(&trace);
            // The file with its logits can hold anything.
            if trace.set_logits(file).is_ok() {
                block_on(trace.gates(0..trace.info.samples.len())).ok();
            }
        }
        FileKind::Traces(traces) => traces.iter().for_each(read_trace),
        FileKind::Layer(layer) => {
            let mut warnings = Vec::new();
            match trace::join_layers(&[&layer], &[], &mut warnings) {
                Ok(trace) => read_trace(&trace),
                Err(error) => check_message(&error.to_string()),
            }
        }
        FileKind::Mappable(proposal) => {
            check_message(&proposal.sentence());
            match block_on(open_mapped(Rc::clone(file), &proposal.mapping)) {
                Ok(Opened { what: FileKind::Trace(trace), .. }) => read_trace(&trace),
                Ok(_) => {}
                Err(error) => check_message(&error.to_string()),
            }
        }
        FileKind::Results(results) => {
            trace::write_results(&results).expect("results can be written");
        }
        FileKind::Config(config) => check_message(&config.reason),
        FileKind::Unrelated { reason, .. } => check_message(&reason),
        FileKind::Embeddings(_)
        | FileKind::ItemGates(_)
        | FileKind::TokenGates(_)
        | FileKind::SampleList(_)
        | FileKind::Items
        | FileKind::GateInputs { .. }
        | FileKind::Logits(_)
        | FileKind::Text => {}
    }
}

/// Reads a trace completed by what other files may state: where samples end, the rule of the gates,
/// and a second file of the same samples.
fn complete(trace: &OpenTrace) {
    let mut split = trace.clone();
    if let Some(rows) = trace.rows_without_ends()
        && let Some(first) = u32::try_from(rows / 2).ok().filter(|&first| first > 0)
    {
        let counts = [first, rows as u32 - first];
        assert!(split.split_rows(&counts), "rows cannot be split");
        assert_eq!(split.info.samples.len(), counts.len(), "rows are split into other samples");
        read_trace(&split);
    }
    let mut ruled = trace.clone();
    if ruled.takes_rule() && ruled.set_rule(SIGMOID).is_ok() {
        read_trace(&ruled);
    }
    match OpenTrace::join(vec![trace.clone(), trace.clone()]) {
        Ok(joined) => {
            let before = trace.info.samples.len();
            let joined_samples = joined.trace.info.samples.len() + joined.repeated;
            assert_eq!(joined_samples, 2 * before, "samples are lost");
            read_trace(&joined.trace);
        }
        Err(error) => check_message(&error.to_string()),
    }
}

/// Reads everything in a trace and checks the shapes.
fn read_trace(trace: &OpenTrace) {
    let info = &trace.info;
    let samples = info.samples.len();
    let row = info.layers * info.experts;
    let bad = match block_on(trace.gates_and_bad_samples(0..samples)) {
        Ok((gates, bad)) => {
            assert_eq!(gates.len(), samples * row, "the gates do not have the shape of the trace");
            assert!(bad.is_sorted_by(|a, b| a.row < b.row), "bad samples are not ascending");
            assert!(bad.iter().all(|bad| bad.row < samples), "a bad sample is none of the trace");
            for bad in &bad {
                check_message(&bad.fault.to_string());
            }
            bad.len()
        }
        Err(error) => {
            check_message(&error.to_string());
            0
        }
    };
    match block_on(trace.gates(0..samples)) {
        Ok(gates) => {
            assert_eq!(bad, 0, "gates of bad samples are given");
            assert_eq!(gates.len(), samples * row, "the gates do not have the shape of the trace");
            assert!(gates.iter().all(|gate| gate.is_finite()), "a gate is not finite");
        }
        Err(error) => check_message(&error.to_string()),
    }
    check_messages(&trace.take_notices());
    match block_on(trace.topk(0..samples)) {
        Ok(Some(topk)) => {
            let tokens = topk.offsets.last().copied().unwrap_or_default();
            assert_eq!(topk.offsets.len(), samples + 1, "the offsets do not match the samples");
            assert!(topk.offsets.is_sorted(), "the offsets are not ascending");
            assert_eq!(
                topk.ids.len(),
                tokens * topk.layers * topk.k,
                "the selected ids do not have the shape of the trace"
            );
            assert!(topk.ids.iter().all(|&id| usize::from(id) < info.experts), "a selected id is no expert");
        }
        Ok(None) => {}
        Err(error) => check_message(&error.to_string()),
    }
    if let Ok(Some(counts)) = block_on(trace.counts(0..samples)) {
        assert_eq!(counts.values.len(), samples * row, "the counts do not have the shape of the trace");
    }
    block_on(trace.router()).ok();
    if let Some(last) = samples.checked_sub(1) {
        block_on(trace.gates(last..samples)).ok();
        block_on(trace.topk(last..samples)).ok();
    }
}

/// Checks a message for people.
///
/// # Panics
/// If it is empty or has 64 KiB or more.
pub fn check_message(text: &str) {
    assert!(!text.trim().is_empty(), "a message is empty");
    assert!(text.len() < 64 << 10, "a message has {} bytes", text.len());
}

/// Checks several messages.
///
/// # Panics
/// As [`check_message`].
pub fn check_messages(texts: &[String]) {
    for text in texts {
        check_message(text);
    }
}

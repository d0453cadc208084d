//! Running a checkpoint of the example run reproduces its shipped trace and the results in
//! `run.json`. The samples have explicit targets, so that only the answer counts in the loss.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use olmoe::{Checkpoint, InputRecords, ModelOutput, NoObserver, Processor, run};
use trace::{FileKind, FileSource, Source};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source(path: PathBuf) -> Source {
    Rc::new(FileSource::open(&path).unwrap())
}

#[test]
fn step_3000_matches_the_shipped_trace() {
    let folder = root().join("tests/fixtures/demo-run");
    let paths = fs::read_dir(folder.join("step3000")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<Source> = paths.map(source).collect();
    let checkpoint = block_on(Checkpoint::open("step3000", &files)).unwrap();
    let mut records = InputRecords::default();
    for name in ["samples.jsonl", "items.jsonl"] {
        records.read(name, &fs::read_to_string(folder.join(name)).unwrap()).unwrap();
    }
    let inputs = records.tokenize("step3000", None).unwrap();
    let ModelOutput { trace, scores, .. } =
        block_on(run(&checkpoint, &inputs, &Processor::cpu(), &NoObserver)).unwrap();
    assert_eq!(trace.step, Some(3000));

    let shipped = source(root().join("www/example/step-03000.safetensors"));
    let FileKind::Trace(shipped) = block_on(trace::open(shipped)).unwrap().what else { unreachable!() };
    let samples = trace.len();
    assert_eq!(shipped.info.samples.len(), samples);
    for (found, expected) in trace.gates.iter().zip(block_on(shipped.gates(0..samples)).unwrap()) {
        assert!((found - expected).abs() < 2e-6, "{found} for {expected}");
    }
    let losses = trace.loss.unwrap();
    for (found, expected) in losses.iter().zip(shipped.info.loss.as_ref().unwrap()) {
        assert!((found - expected).abs() < 5e-5, "{found} for {expected}");
    }
    assert_eq!(trace.topk.unwrap().ids, block_on(shipped.topk(0..samples)).unwrap().unwrap().ids);

    let results = block_on(trace::open(source(root().join("www/example/run.json")))).unwrap().what;
    let FileKind::Results(results) = results else { unreachable!() };
    let at = results.steps.iter().position(|&step| step == 3000).unwrap();
    for (item, score) in inputs.items.iter().zip(scores) {
        let known = results.items.iter().find(|known| known.id == item.id).unwrap();
        assert_eq!(score.correct(), known.correct[at], "{}", item.id);
    }
}

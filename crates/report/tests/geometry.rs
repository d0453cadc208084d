//! Router geometry of the demo run: figures against numpy, exports, and checkpoints of another
//! model.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{cell::Cell, fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use report::{
    GEOMETRY_FORMAT, Geometry, LastRouters, LayerGeometry, NoProgress, geometry_csv, geometry_json,
    last_in_training,
};
use serde_json::Value;
use trace::{CheckpointRouters, Counted, FileSource, MemorySource, Source, read_routers};

const STEPS: [u64; 4] = [6000, 500, 12_000, 3000];

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn routers(step: u64, read: &Rc<Cell<u64>>) -> CheckpointRouters {
    let folder = fixtures().join(format!("demo-run/step{step}"));
    let files: Vec<Source> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| FileSource::open(entry.unwrap().path()).unwrap())
        .map(|file| Rc::new(Counted::new(file, Rc::clone(read))) as Source)
        .collect();
    block_on(read_routers(&format!("demo-run/step{step}"), &files)).unwrap()
}

fn geometry() -> Geometry {
    let read = Rc::default();
    let mut all: Vec<CheckpointRouters> = STEPS.iter().map(|&step| routers(step, &read)).collect();
    all.sort_by_key(|routers| report::training_order(routers.step));
    let steps: Vec<Option<u64>> = all.iter().map(|routers| routers.step).collect();
    let last = last_in_training(&steps).unwrap();
    let mut last = block_on(LastRouters::new(&all[last], &NoProgress)).unwrap();
    for routers in &all {
        block_on(last.measure(routers, &NoProgress)).unwrap();
    }
    last.finish()
}

#[test]
fn figures_are_those_of_numpy() {
    let geometry = geometry();
    let text = fs::read_to_string(fixtures().join("router-geometry/demo-run.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(geometry.checkpoints.len(), expected.len());
    for (found, expected) in geometry.checkpoints.iter().zip(&expected) {
        assert_eq!(found.step, expected["step"].as_u64());
        let layers = expected["layers"].as_array().unwrap();
        assert_eq!(found.layers.len(), layers.len());
        for (layer, expected) in found.layers.iter().zip(layers) {
            for (name, read) in LayerGeometry::FIGURES {
                let (found, expected) = (read(layer), expected[name].as_f64());
                assert_eq!(found.is_some(), expected.is_some(), "{name}: {found:?} for {expected:?}");
                if let (Some(found), Some(expected)) = (found, expected) {
                    assert!((found - expected).abs() < 1e-11, "{name}: {found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn little_of_a_checkpoint_is_read() {
    let read = Rc::new(Cell::new(0));
    let routers = routers(500, &read);
    let folder = fixtures().join("demo-run/step500");
    let all: u64 = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    let matrices = 2 * routers.values.len() as u64;
    assert!(read.get() > matrices && read.get() < all / 5, "{} of {all} bytes", read.get());
    assert_eq!((routers.step, routers.tokens), (Some(500), None));
}

#[test]
fn exports_have_every_figure() {
    let geometry = geometry();
    let text = geometry_json(&geometry);
    let back: Geometry = serde_json::from_str(&text).unwrap();
    assert_eq!(back, geometry);
    assert_eq!(back.format, GEOMETRY_FORMAT);
    let csv = geometry_csv(&geometry);
    let mut lines = csv.lines();
    assert_eq!(
        lines.next(),
        Some(
            "checkpoint,step,tokens,layer,norm_mean,norm_min,norm_max,similarity,drift,cosine,gram_difference,conditioning,effective_rank,turn,bias_spread"
        )
    );
    assert_eq!(lines.clone().count(), STEPS.len() * geometry.layers.len());
    assert!(lines.next().is_some_and(|line| line.starts_with("demo-run/step500,500,,0,")));
    let last = geometry.checkpoints.last().unwrap();
    assert_eq!((last.step, last.mean(|layer| layer.drift)), (Some(12_000), Some(0.0)));
    // A file of an earlier version has fewer figures.
    let mut earlier: Value = serde_json::from_str(&text).unwrap();
    earlier["checkpoints"][0]["layers"][0].as_object_mut().unwrap().remove("effective_rank");
    assert!(serde_json::from_value::<Geometry>(earlier).is_ok());
}

/// A checkpoint of one file: a router `[2,2]` and its correction biases, in f32.
fn with_biases(biases: [f32; 2]) -> CheckpointRouters {
    let header = r#"{"model.layers.3.mlp.gate.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"model.layers.3.mlp.gate.e_score_correction_bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    let values = [3.0, 0.0, 0.0, 4.0].into_iter().chain(biases);
    bytes.extend(values.flat_map(f32::to_le_bytes));
    let file = Rc::new(MemorySource::new("step1/model.safetensors".to_owned(), bytes)) as Source;
    block_on(read_routers("step1", &[file])).unwrap()
}

#[test]
fn correction_biases_have_a_spread() {
    let routers = with_biases([0.25, 0.75]);
    assert_eq!(routers.biases, Some(vec![0.25, 0.75]));
    let mut measured = block_on(LastRouters::new(&routers, &NoProgress)).unwrap();
    block_on(measured.measure(&routers, &NoProgress)).unwrap();
    let geometry = measured.finish();
    let layer = &geometry.checkpoints[0].layers[0];
    assert_eq!((layer.bias_spread, layer.turn), (Some(0.25), None));
    assert_eq!(layer.conditioning, Some(1.0));
}

#[test]
fn an_unknown_step_counts_as_the_last() {
    assert_eq!(last_in_training(&[]), None);
    assert_eq!(last_in_training(&[Some(3), Some(9), Some(5)]), Some(1));
    assert_eq!(last_in_training(&[Some(3), None, Some(5)]), Some(1));
    assert_eq!(last_in_training(&[Some(3), Some(3)]), Some(1));
}

#[test]
fn a_checkpoint_of_another_model_is_told() {
    let read = Rc::default();
    let mut last = block_on(LastRouters::new(&routers(500, &read), &NoProgress)).unwrap();
    let mut other = routers(3000, &read);
    other.layers.pop();
    let message = block_on(last.measure(&other, &NoProgress)).unwrap_err().to_string();
    for words in ["demo-run/step3000", "routers of [", "one model and run"] {
        assert!(message.contains(words), "{message}");
    }
}

//! The files of `run-a`, their expected values from an independent program, and comparison of
//! figures.

/// Expected values of `run-a` from an independent program.
pub const EXPECTED: &str = include_str!("../../../../tests/fixtures/metrics/run-a/expected.json");

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, &include_bytes!(concat!("../../../../tests/fixtures/metrics/run-a/", $name))[..])),+]
    };
}

/// The files of `run-a`, by name.
pub fn run_a() -> Vec<(String, Vec<u8>)> {
    let files = files![
        "items-last.safetensors",
        "run.json",
        "step-1000.safetensors",
        "step-2000.safetensors",
        "step-3000.safetensors",
        "step-4000.safetensors",
        "step-5000.safetensors",
        "step-6000.safetensors",
        "step-7000.safetensors",
        "tokens-7000.safetensors",
    ];
    files.into_iter().map(|(name, bytes)| (format!("run-a/{name}"), bytes.to_vec())).collect()
}

/// The same without one field of the samples and items in run.json.
pub fn run_a_without(field: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = run_a();
    for (_, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with("run.json")) {
        let mut json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        for list in ["samples", "items"] {
            for entry in json[list].as_array_mut().unwrap() {
                entry.as_object_mut().unwrap().remove(field);
            }
        }
        *bytes = serde_json::to_vec(&json).unwrap();
    }
    files
}

/// Asserts that two figures are both undefined or agree to a relative tolerance.
#[track_caller]
pub fn close(found: Option<f64>, expected: Option<f64>, tolerance: f64, what: &str) {
    match (found, expected) {
        (None, None) => {}
        (Some(found), Some(expected)) => {
            let error = (found - expected).abs();
            assert!(error <= tolerance * expected.abs().max(1e-3), "{what}: {found} for {expected}");
        }
        _ => panic!("{what}: {found:?} for {expected:?}"),
    }
}

/// Rewrites a golden file; the path is relative to the root of the repository.
pub fn update(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

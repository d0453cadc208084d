//! `grokscope trace` on checkpoints as people have them: two of one step, names that `torch.compile` changed, a step that
//! only `trainer_state.json` or a branch of the Hub states, shards that Git LFS has not fetched.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("grokscope-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn demo_run() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/demo-run")
}

/// Copies the checkpoint of step 500 under another name.
fn copy_checkpoint(to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(demo_run().join("step500")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Runs `trace` on two samples; returns the written files and what was said.
fn trace(folder: &Folder, checkpoints: &Path) -> (Vec<String>, String) {
    let samples = fs::read_to_string(demo_run().join("samples.jsonl")).unwrap();
    let few: Vec<&str> = samples.lines().take(2).collect();
    fs::write(folder.0.join("samples.jsonl"), few.join("\n")).unwrap();
    let output = folder.0.join("traces");
    let ran = Command::new(env!("CARGO_BIN_EXE_grokscope"))
        .args(["trace", "--checkpoint"])
        .arg(checkpoints)
        .arg("--samples")
        .arg(folder.0.join("samples.jsonl"))
        .arg("-o")
        .arg(&output)
        .output()
        .unwrap();
    let names = fs::read_dir(&output).into_iter().flatten();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    (names, String::from_utf8(ran.stderr).unwrap())
}

#[test]
fn two_checkpoints_of_one_step_do_not_overwrite_each_other() {
    let folder = Folder::new();
    let run = folder.0.join("run");
    copy_checkpoint(&run.join("step500"));
    copy_checkpoint(&run.join("step500-ext"));
    let (names, said) = trace(&folder, &run);
    assert_eq!(names, ["step-00500.safetensors"], "{said}");
    assert!(said.contains("left out") && said.contains("step500-ext") && said.contains("step 500"), "{said}");
}

#[test]
fn names_of_compiled_models_are_read() {
    let folder = Folder::new();
    let checkpoint = folder.0.join("run/step500");
    copy_checkpoint(&checkpoint);
    let index = checkpoint.join("model.safetensors.index.json");
    let mut content: serde_json::Value = serde_json::from_str(&fs::read_to_string(&index).unwrap()).unwrap();
    let map = content["weight_map"].as_object().unwrap().clone();
    content["weight_map"] =
        map.into_iter().map(|(name, shard)| (format!("_orig_mod.{name}"), shard)).collect();
    fs::write(&index, content.to_string()).unwrap();
    for shard in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        let path = checkpoint.join(shard);
        let bytes = fs::read(&path).unwrap();
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
        let header: BTreeMap<String, serde_json::Value> = header
            .into_iter()
            .map(|(name, value)| {
                (if name == "__metadata__" { name } else { format!("_orig_mod.{name}") }, value)
            })
            .collect();
        let header = serde_json::to_vec(&header).unwrap();
        let whole = [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + len..]].concat();
        fs::write(&path, whole).unwrap();
    }
    let (names, said) = trace(&folder, &checkpoint);
    assert_eq!(names, ["step-00500.safetensors"], "{said}");
}

#[test]
fn a_nan_beside_the_step_does_not_hide_it() {
    let folder = Folder::new();
    let run = folder.0.join("run");
    copy_checkpoint(&run.join("epoch_1"));
    let state = r#"{"log_history": [{"loss": NaN, "step": 10}], "global_step": 500}"#;
    fs::write(run.join("epoch_1/trainer_state.json"), state).unwrap();
    // Beside a known step none is invented.
    copy_checkpoint(&run.join("final"));
    let (names, said) = trace(&folder, &run);
    assert_eq!(names, ["step-00500.safetensors"], "{said}");
    assert!(said.contains("final: its training step is unknown"), "{said}");
}

#[test]
fn the_branch_of_a_cached_checkpoint_tells_its_step() {
    let folder = Folder::new();
    let model = folder.0.join("models--example--moe");
    let hash = "0123456789abcdef0123456789abcdef01234567";
    copy_checkpoint(&model.join("snapshots").join(hash));
    fs::create_dir_all(model.join("refs")).unwrap();
    fs::write(model.join("refs/step500-tokens2B"), hash).unwrap();
    let (names, said) = trace(&folder, &model);
    assert_eq!(names, ["step-00500.safetensors"], "{said}");
}

#[test]
fn shards_that_are_not_fetched_are_named() {
    let folder = Folder::new();
    let checkpoint = folder.0.join("run/step500");
    copy_checkpoint(&checkpoint);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    fs::write(checkpoint.join("model-00001-of-00002.safetensors"), pointer).unwrap();
    let (names, said) = trace(&folder, &checkpoint);
    assert!(names.is_empty(), "{names:?}");
    assert!(said.contains("git lfs pull"), "{said}");
}

/// `report` and `convert` name a checkpoint once, and not each of its files.
#[test]
fn checkpoints_in_place_of_traces_are_named() {
    let folder = Folder::new();
    copy_checkpoint(&folder.0.join("run/step500"));
    fs::write(folder.0.join("run/step500/README.md"), "A model.").unwrap();
    let say = |command: &str| {
        let ran = Command::new(env!("CARGO_BIN_EXE_grokscope"))
            .arg(command)
            .arg(folder.0.join("run"))
            .arg("-o")
            .arg(folder.0.join("out"))
            .output()
            .unwrap();
        assert!(!ran.status.success());
        String::from_utf8(ran.stderr).unwrap()
    };
    for command in ["report", "convert"] {
        let said = say(command);
        assert_eq!(said.matches("left out:").count(), 1, "{said}");
        assert!(said.contains("step500: a checkpoint, not a trace"), "{said}");
        assert!(said.contains("grokscope trace --checkpoint"), "{said}");
    }
    // Without weights, the message names what is missing.
    let weights = fs::read_dir(folder.0.join("run/step500")).unwrap().map(|entry| entry.unwrap().path());
    for path in weights.filter(|path| path.to_string_lossy().contains("model")) {
        fs::remove_file(path).unwrap();
    }
    let said = say("report");
    assert!(
        said.contains("configuration without its weights") && !said.contains("a checkpoint, not"),
        "{said}"
    );
    // Weights that are pointers are named as such.
    fs::write(
        folder.0.join("run/step500/model.safetensors"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    )
    .unwrap();
    let said = say("report");
    assert!(said.contains("git lfs pull"), "{said}");
}

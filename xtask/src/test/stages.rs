//! The stages of `test` in the order in which they run: the quickest to fail first.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{
    count::{Count, counted},
    documents,
};
use crate::{
    chromium::Chromium,
    e2e, examples, firefox, fuzz, lint,
    native::native_tests,
    page,
    project::Project,
    shell, sizes,
    tools::{Tools, set_up},
};

/// One stage.
pub struct Stage {
    /// Its name for `--only`.
    pub name: &'static str,
    /// What it checks, in one line.
    pub does: &'static str,
    /// Runs it and counts its tests, if it has single ones.
    pub run: fn(&Project, &mut Count) -> Result<()>,
    /// What a later stage needs and can be done while this one waits for the browser.
    pub beside: Option<fn(&Project)>,
}

impl Stage {
    const fn new(
        name: &'static str,
        does: &'static str,
        run: fn(&Project, &mut Count) -> Result<()>,
    ) -> Self {
        Self { name, does, run, beside: None }
    }
}

/// All stages.
pub const ALL: [Stage; 14] = [
    Stage::new("fmt", "formatting by rustfmt", fmt),
    Stage::new("documents", "links and anchors in documents and code", documents),
    Stage::new("clippy", "the native code compiles without a lint", clippy),
    Stage::new("unit", "native tests", unit),
    Stage::new("examples", "the scripts that get traces from servers, if there is Python", examples::clients),
    Stage::new("python", "the Python package without torch, if there is Python", examples::package),
    Stage::new("doc", "the documentation builds and its links resolve", doc),
    Stage::new("setup", "the tools that build the page", setup),
    Stage::new("wasm", "the same tests as WebAssembly, in Chromium, compiled without a lint", wasm),
    Stage::new("page", "the published page, compiled without a lint, and its size budget", publish),
    Stage {
        beside: Some(fuzz::build_beside),
        ..Stage::new("e2e-cpu", "the page in Chromium without WebGPU", e2e_cpu)
    },
    Stage::new("e2e-gpu", "checkpoints and distances in Chromium with software WebGPU", e2e_gpu),
    Stage::new(
        "e2e-firefox",
        "the page in stock Firefox, if there is one or Debian's can be installed",
        e2e_firefox,
    ),
    Stage::new("fuzz", "readers on all seeds and on randomly changed bytes", fuzz),
];

/// Crates that only a browser can run.
const BROWSER_CRATES: [&str; 3] = ["app", "engine", "worker"];

/// Crates that compute figures, which must be the same in a browser.
const TWICE_TESTED: [&str; 4] = ["levenshtein", "pathway", "trace", "report"];

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Seconds per fuzz target, after all seeds and earlier findings. Long runs are `cargo xtask fuzz`.
const FUZZ_SECONDS: u64 = 5;

fn cargo(project: &Project, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(shell::cargo());
    cargo.args(arguments).current_dir(&project.root);
    cargo
}

fn excluding(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().flat_map(|name| ["--exclude", name]).collect()
}

fn packages(names: &[&'static str]) -> Vec<&'static str> {
    names.iter().flat_map(|name| ["--package", name]).collect()
}

fn fmt(project: &Project, _: &mut Count) -> Result<()> {
    shell::run(&mut cargo(project, &["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(project, &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn documents(project: &Project, _: &mut Count) -> Result<()> {
    documents::check(project)
}

fn clippy(project: &Project, _: &mut Count) -> Result<()> {
    // `--all-targets` adds the benchmarks.
    shell::run(native_tests(project)?.args(["--no-run", "--all-targets"]))?;
    let mut clippy = cargo(project, &["clippy", "--all-targets", "--locked"]);
    clippy.args(["--package", "levenshtein", "--features", "gpu"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn unit(project: &Project, count: &mut Count) -> Result<()> {
    counted(native_tests(project)?.arg("--no-fail-fast"), count)
}

fn fuzz(project: &Project, _: &mut Count) -> Result<()> {
    fuzz::run(project, &fuzz::Options::seconds(FUZZ_SECONDS))
}

fn doc(project: &Project, _: &mut Count) -> Result<()> {
    let mut doc =
        cargo(project, &["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    shell::run(doc.args(excluding(&BROWSER_CRATES)).env("RUSTDOCFLAGS", "-D warnings"))
}

fn setup(project: &Project, _: &mut Count) -> Result<()> {
    set_up(project)?;
    Chromium::find_or_install().map(drop)
}

fn wasm(project: &Project, count: &mut Count) -> Result<()> {
    let tools = Tools::for_page(project)?;
    let chromium = Chromium::find_or_install()?;
    let options = project.target.join("webdriver.json");
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-gpu-sandbox",
        "--disable-background-networking",
        // Software WebGPU, for the distances.
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
    ];
    let json = serde_json::json!({ "goog:chromeOptions": { "binary": chromium.browser, "args": arguments } });
    fs::write(&options, json.to_string())
        .with_context(|| format!("{} cannot be written", options.display()))?;
    let runner = tools.wasm_bindgen.join(format!("wasm-bindgen-test-runner{}", std::env::consts::EXE_SUFFIX));
    // The profile of the page: what both need is compiled once, and the comparisons with slow oracles are optimised.
    let mut test = |arguments: &[&str]| {
        let mut tests = cargo(project, &["test", "--profile", "wasm", "--locked", "--no-fail-fast"]);
        tests
            .args(WASM)
            .args(arguments)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner)
            .env("CHROMEDRIVER", &chromium.driver)
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &options)
            .env("WASM_BINDGEN_USE_BROWSER", "1")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "1500");
        lint::while_compiling(project, &mut tests)?;
        counted(&mut tests, count)
    };
    test(&[&["--lib", "--tests"], packages(&TWICE_TESTED).as_slice()].concat())?;
    // A call of its own: the other crates are tested without this feature.
    test(&["--package", "levenshtein", "--features", "gpu", "--test", "gpu"])
}

fn publish(project: &Project, _: &mut Count) -> Result<()> {
    page::build_linted(project, &project.published())?;
    let sizes = sizes::measure(&project.published())?;
    sizes::print(&sizes);
    sizes::check(&sizes)
}

fn e2e_cpu(project: &Project, count: &mut Count) -> Result<()> {
    browser_tests(project, count, false, "")
}

fn e2e_gpu(project: &Project, count: &mut Count) -> Result<()> {
    // The other specifications do not depend on a GPU.
    browser_tests(project, count, true, "checkpoints,distances")
}

fn e2e_firefox(project: &Project, count: &mut Count) -> Result<()> {
    let page = published(project)?;
    match firefox::find_or_install() {
        Ok(firefox) => e2e::run_in_firefox(project, count, &page, &firefox),
        Err(reason) => {
            println!("skipped: the tests in Firefox need a Firefox: {reason:#}");
            count.skipped += 1;
            Ok(())
        }
    }
}

fn browser_tests(project: &Project, count: &mut Count, gpu: bool, specs: &str) -> Result<()> {
    e2e::run_specs(project, count, &published(project)?, gpu, specs)
}

fn published(project: &Project) -> Result<PathBuf> {
    let page = project.published();
    anyhow::ensure!(
        page.join("index.html").is_file(),
        "there is no page yet: run `cargo xtask test --only page` first"
    );
    Ok(page)
}

//! The stages of `test`, in the order in which they run: what fails fastest comes first.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::count::{Count, counted};
use crate::{
    chromium::Chromium,
    examples, fuzz,
    page::{self, Effort},
    project::Project,
    server::{Server, Site},
    setup, shell, sizes,
    tools::npm_ci,
};

/// One stage.
pub struct Stage {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it does, in a line.
    pub does: &'static str,
    /// Does it, and counts the tests in it if it has some.
    pub run: fn(&Project, &mut Count) -> Result<()>,
}

/// All of them.
pub const ALL: [Stage; 12] = [
    Stage { name: "fmt", does: "the code is laid out by rustfmt", run: fmt },
    Stage { name: "clippy", does: "lints of everything that runs natively", run: clippy },
    Stage { name: "unit", does: "native tests", run: unit },
    Stage {
        name: "examples",
        does: "the scripts that ask servers for traces, where there is Python",
        run: examples::clients,
    },
    Stage { name: "doc", does: "the documentation builds, every link in it leads somewhere", run: doc },
    Stage { name: "setup", does: "the tools that build the page", run: setup },
    Stage {
        name: "clippy-wasm",
        does: "lints of page, workers and engine, and of the distances on a GPU",
        run: clippy_wasm,
    },
    Stage { name: "wasm", does: "the same tests as WebAssembly, in Chromium", run: wasm },
    Stage { name: "page", does: "the page as it is published, within its budget", run: publish },
    Stage { name: "e2e-cpu", does: "the page in Chromium without WebGPU", run: e2e_cpu },
    Stage {
        name: "e2e-gpu",
        does: "checkpoints and distances in Chromium with WebGPU, by software",
        run: e2e_gpu,
    },
    Stage {
        name: "fuzz",
        does: "readers on bytes that were changed at random, as far as they get in a while",
        run: fuzz,
    },
];

/// What only a browser can run.
const BROWSER_CRATES: [&str; 3] = ["app", "engine", "worker"];

/// What computes figures, which must be the same in a browser.
const TWICE_TESTED: [&str; 4] = ["levenshtein", "pathway", "trace", "report"];

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Seconds of each fuzz target: with ten of them on two cores, five minutes beside building.
const FUZZ_SECONDS: u64 = 60;

/// Where the published page is served from in tests: not the root, as on a project site.
const PREFIX: &str = "/some/sub/";

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

fn clippy(project: &Project, _: &mut Count) -> Result<()> {
    let mut clippy = cargo(project, &["clippy", "--workspace", "--all-targets", "--locked"]);
    shell::run(clippy.args(excluding(&BROWSER_CRATES)).args(["--", "-D", "warnings"]))?;
    let mut clippy = cargo(project, &["clippy", "--all-targets", "--locked"]);
    clippy.args(["--package", "levenshtein", "--features", "gpu"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn clippy_wasm(project: &Project, _: &mut Count) -> Result<()> {
    let mut clippy = cargo(project, &["clippy", "--locked", "--lib", "--bins"]);
    shell::run(clippy.args(WASM).args(packages(&BROWSER_CRATES)).args(["--", "-D", "warnings"]))?;
    // Benchmarks are native.
    let mut clippy = cargo(project, &["clippy", "--locked", "--lib", "--tests", "--examples"]);
    clippy.args(WASM).args(["--package", "levenshtein", "--features", "gpu"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn unit(project: &Project, count: &mut Count) -> Result<()> {
    let mut tests = cargo(project, &["test", "--workspace", "--locked", "--no-fail-fast"]);
    // The engine's tests are those of `olmoe`, and what a browser makes of them; natively it would only build burn's GPU part.
    counted(tests.args(excluding(&["app", "engine"])), count)
}

fn fuzz(project: &Project, _: &mut Count) -> Result<()> {
    fuzz::lint(project)?;
    fuzz::run(project, &fuzz::Options::seconds(FUZZ_SECONDS))
}

fn doc(project: &Project, _: &mut Count) -> Result<()> {
    let mut doc =
        cargo(project, &["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    shell::run(doc.args(excluding(&BROWSER_CRATES)).env("RUSTDOCFLAGS", "-D warnings"))
}

fn setup(project: &Project, _: &mut Count) -> Result<()> {
    setup::bring(project)?;
    Chromium::bring().map(drop)
}

fn wasm(project: &Project, count: &mut Count) -> Result<()> {
    let tools = setup::bring(project)?;
    let chromium = Chromium::bring()?;
    let options = project.target.join("webdriver.json");
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--disable-gpu-sandbox",
        "--disable-background-networking",
        // WebGPU by software, for the distances.
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
    ];
    let json = serde_json::json!({ "goog:chromeOptions": { "binary": chromium.browser, "args": arguments } });
    fs::write(&options, json.to_string())
        .with_context(|| format!("{} cannot be written", options.display()))?;
    let runner = tools.wasm_bindgen.join(format!("wasm-bindgen-test-runner{}", std::env::consts::EXE_SUFFIX));
    // Release: the comparisons against slow oracles take minutes without.
    let mut test = |arguments: &[&str]| {
        let mut tests = cargo(project, &["test", "--release", "--locked", "--no-fail-fast"]);
        tests
            .args(WASM)
            .args(arguments)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner)
            .env("CHROMEDRIVER", &chromium.driver)
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &options)
            .env("WASM_BINDGEN_USE_BROWSER", "1")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "1500");
        counted(&mut tests, count)
    };
    test(&[&["--lib", "--tests"], packages(&TWICE_TESTED).as_slice()].concat())?;
    // Apart from the others, whose `levenshtein` must build without.
    test(&["--package", "levenshtein", "--features", "gpu", "--test", "gpu"])
}

fn dist(project: &Project) -> PathBuf {
    project.target.join("dist")
}

fn publish(project: &Project, _: &mut Count) -> Result<()> {
    let tools = setup::bring(project)?;
    page::build(project, &tools, Effort::Publish, &dist(project))?;
    let sizes = sizes::weigh(&dist(project))?;
    sizes::print(&sizes);
    sizes::check(&sizes)
}

fn e2e_cpu(project: &Project, count: &mut Count) -> Result<()> {
    e2e(project, count, "off", "")
}

fn e2e_gpu(project: &Project, count: &mut Count) -> Result<()> {
    // Nothing else of the page asks whether there is a GPU.
    e2e(project, count, "on", "checkpoints,distances")
}

/// The specifications with one of these parts, by comma, in their names; all for none.
fn e2e(project: &Project, count: &mut Count, gpu: &str, specs: &str) -> Result<()> {
    let chromium = Chromium::bring()?;
    let folder = project.root.join("tests/e2e");
    npm_ci(
        &folder,
        &folder,
        "playwright-core and axe-core: they steer Chromium and check that everybody can use the page",
    )?;
    // The page's figures must be the command line's, to the last bit.
    // As the native tests built it, which left it behind.
    let mut build = cargo(project, &["build", "--workspace", "--locked", "--bins"]);
    shell::run(build.args(excluding(&["app", "engine"])))?;
    let cli = project.target.join("debug").join(format!("grokscope{}", std::env::consts::EXE_SUFFIX));
    let dist = dist(project);
    anyhow::ensure!(
        dist.join("index.html").is_file(),
        "there is no page yet: run `cargo xtask test --only page` before"
    );
    let server = Server::start(Site::new(dist, PREFIX), 0)?;
    let mut node = Command::new("node");
    node.arg("run.mjs")
        .current_dir(&folder)
        .env("GROKSCOPE_PAGE", server.address())
        .env("GROKSCOPE_GPU", gpu)
        .env("GROKSCOPE_SPECS", specs)
        .env("GROKSCOPE_CLI", cli)
        .env("GROKSCOPE_OUT", project.target.join("e2e").join(format!("gpu-{gpu}")))
        .env("CHROME", chromium.browser);
    counted(&mut node, count)
}

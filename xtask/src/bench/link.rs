//! Length of links, compared with compressed JSON, and time to write and open them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use super::{
    generate::{self, Shape},
    run,
};
use crate::{project::Project, shell};

/// A run whose link must fit into 2,000 characters.
const SHAPE: Shape = Shape { samples: 400, checkpoints: 10, layers: 16, experts: 64 };

/// Runs of the program per median.
const RUNS: usize = 51;

/// Prints the sizes of a JSON file without white space: as it is, as gzip and as brotli.
const COMPRESS_SCRIPT: &str = "
    const { brotliCompressSync, gzipSync, constants } = require('node:zlib');
    const text = require('node:fs').readFileSync(process.argv[1], 'utf8');
    const content = Buffer.from(JSON.stringify(JSON.parse(text)));
    const params = {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    const gzip = gzipSync(content, { level: 9 });
    const brotli = brotliCompressSync(content, { params });
    console.log(content.length, gzip.length, brotli.length);
";

/// Writes and opens links of reports with ten checkpoints, of the whole example run and of a golden run.
pub fn measure(project: &Project) -> Result<String> {
    let cli = run::cli(project)?;
    let folder = project.target.join("bench/link");
    let made = generate::traces(&folder, &SHAPE)?;
    let example = files(&project.root.join("www/example"))?;
    let (traces, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        example.iter().cloned().partition(|path| is_trace(path));
    // Evenly spaced, including the first and the last.
    let last = traces.len().saturating_sub(1);
    let ten = (0..10).filter_map(|place| traces.get(place * last / 9).cloned()).chain(rest);
    let mut golden = files(&project.root.join("tests/fixtures/metrics/run-a"))?;
    // The other files are the expected figures.
    golden.retain(|path| {
        path.ends_with("run.json") || path.extension().is_some_and(|ending| ending == "safetensors")
    });
    let rows = [
        ("`tests/fixtures/metrics/run-a`, 7 checkpoints, 2 domains", golden),
        ("synthetic figures, 10 checkpoints, 4 domains, no benchmark", made),
        ("ten checkpoints of the example run, 4 domains", ten.collect()),
        ("the example run, 33 checkpoints, 4 domains", example),
    ];
    let mut table = String::from(
        "Characters in an address. A link is compared with the JSON of the report that it opens to, which\n\
         has the same figures, in decimals: compressed with gzip (level 9) or brotli (quality 11) and written\n\
         as base64url.\n\n\
         | report | JSON | gzip | brotli | link | brotli / link | bits per main figure |\n\
         |---|---|---|---|---|---|---|",
    );
    let mut times = format!(
        "`grokscope link` and `grokscope open` as whole processes, which start, read and write files:\n\
         milliseconds, median of {RUNS}. Their start alone (`grokscope --version`) takes {:.1}.\n\n\
         | report | write the link | open the link |\n|---|---|---|",
        median(|| shell::output(Command::new(&cli).arg("--version")).map(drop))?
    );
    for (what, files) in rows {
        let Row { json, gzip, brotli, link, bits, write, open } = one(&cli, &folder, &files)?;
        let ratio = brotli as f64 / link as f64;
        table.push_str(&format!("\n| {what} | {json} | {gzip} | {brotli} | {link} | {ratio:.1} | {bits} |"));
        times.push_str(&format!("\n| {what} | {write:.1} | {open:.1} |"));
    }
    Ok(format!("{table}\n\n{times}"))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    // The page's list of files and its description are not part of the run.
    files.retain(|path| !path.ends_with("index.json") && !path.ends_with("README.md"));
    files.sort();
    Ok(files)
}

fn is_trace(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
}

/// A report and its link.
struct Row {
    /// Bytes of the opened report's JSON, without white space.
    json: u64,
    /// Characters of the JSON as gzip in base64url.
    gzip: u64,
    /// Characters of the JSON as brotli in base64url.
    brotli: u64,
    /// Characters of the link.
    link: usize,
    /// Bits of a main figure.
    bits: u64,
    /// Milliseconds to write the link.
    write: f64,
    /// Milliseconds to open it.
    open: f64,
}

fn one(cli: &Path, folder: &Path, files: &[PathBuf]) -> Result<Row> {
    let report = folder.join("report.json");
    shell::run(Command::new(cli).arg("report").args(files).arg("-o").arg(&report))?;
    let link = || shell::output(Command::new(cli).arg("link").arg(&report));
    let text = link()?;
    let text = text.trim();
    let opened = folder.join("opened.json");
    let write = median(|| link().map(drop))?;
    let open = median(|| shell::run(Command::new(cli).args(["open", text, "-o"]).arg(&opened)))?;
    let seen: serde_json::Value = serde_json::from_slice(&fs::read(&opened)?)?;
    let bits = seen["rounded_to_bits"].as_u64().context("the opened report has no `rounded_to_bits`")?;
    let sizes = shell::output(Command::new("node").args(["-e", COMPRESS_SCRIPT]).arg(&opened))?;
    let sizes = sizes.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let &[json, gzip, brotli] = sizes.as_slice() else {
        bail!("node printed {sizes:?} instead of three sizes")
    };
    // Four characters of base64url per three bytes, without padding.
    let characters = |bytes: u64| (bytes * 4).div_ceil(3);
    Ok(Row { json, gzip: characters(gzip), brotli: characters(brotli), link: text.len(), bits, write, open })
}

/// Median of the milliseconds of [`RUNS`] calls.
fn median(call: impl Fn() -> Result<()>) -> Result<f64> {
    let mut milliseconds = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            call()?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect::<Result<Vec<f64>>>()?;
    milliseconds.sort_by(f64::total_cmp);
    milliseconds.get(RUNS / 2).copied().context("nothing was measured")
}

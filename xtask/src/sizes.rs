//! What the page weighs.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Node's brotli, quality 11: the C library weighs the engine in a third of the time of the one in Rust.
const WEIGH: &str = "
    const { brotliCompressSync, constants } = require('node:zlib');
    const content = require('node:fs').readFileSync(process.argv[1]);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 };
    console.log(brotliCompressSync(content, { params }).length);
";

/// The most that the page's own wasm may weigh, compressed as servers send it.
const PAGE_BUDGET: u64 = 400 * 1024;

/// The most that the engine's wasm may weigh; it is fetched when the first checkpoint is dropped.
const ENGINE_BUDGET: u64 = 5 << 19;

/// Bytes of a file as it is and as brotli.
pub struct Size {
    /// The file's name.
    pub name: &'static str,
    /// Bytes on disk.
    pub raw: u64,
    /// Bytes as brotli, quality 11.
    pub brotli: u64,
}

/// Weighs what is loaded before the first file is read, and the engine.
pub fn weigh(dist: &Path) -> Result<Vec<Size>> {
    ["app_bg.wasm", "app.js", "style.css", "worker_bg.wasm", "worker.js", "engine_bg.wasm"]
        .map(|name| weigh_file(dist, name))
        .into_iter()
        .collect()
}

fn weigh_file(dist: &Path, name: &'static str) -> Result<Size> {
    let path = dist.join(name);
    let raw = fs::metadata(&path).with_context(|| format!("{} cannot be read", path.display()))?.len();
    let brotli = shell::output(Command::new("node").args(["-e", WEIGH]).arg(&path))?;
    let brotli = brotli.trim().parse().with_context(|| format!("{} could not be weighed", path.display()))?;
    Ok(Size { name, raw, brotli })
}

/// Prints a table.
pub fn print(sizes: &[Size]) {
    println!("{:<16} {:>12} {:>12}", "file", "bytes", "brotli");
    for Size { name, raw, brotli } in sizes {
        println!("{name:<16} {raw:>12} {brotli:>12}");
    }
}

/// The same as Markdown.
pub fn markdown(sizes: &[Size]) -> String {
    let rows = sizes.iter().map(|Size { name, raw, brotli }| format!("| `{name}` | {raw} | {brotli} |"));
    let head = ["| file | bytes | bytes as brotli |".to_owned(), "|---|---|---|".to_owned()];
    head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Fails where the page's wasm, or the engine's, has grown past its budget.
pub fn check(sizes: &[Size]) -> Result<()> {
    for Size { name, brotli, .. } in sizes {
        let (budget, advice) = match *name {
            "app_bg.wasm" => {
                (PAGE_BUDGET, "look for a new dependency of crates/app, or move work into crates/worker")
            }
            "engine_bg.wasm" => (ENGINE_BUDGET, "look for a new dependency of crates/olmoe or crates/engine"),
            _ => continue,
        };
        if *brotli > budget {
            bail!("{name} weighs {brotli} bytes as brotli, more than the {budget} that it may: {advice}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ENGINE_BUDGET, PAGE_BUDGET, Size, check};

    #[test]
    fn page_and_engine_have_their_budgets() {
        let size = |name, brotli| Size { name, raw: 0, brotli };
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET), size("worker_bg.wasm", PAGE_BUDGET + 1)]).is_ok());
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET + 1)]).is_err());
        assert!(check(&[size("engine_bg.wasm", ENGINE_BUDGET)]).is_ok());
        assert!(check(&[size("engine_bg.wasm", ENGINE_BUDGET + 1)]).is_err());
    }
}

//! Sizes of the page, uncompressed and as brotli.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Prints the compressed size of a file: Node's brotli, quality 11, which is three times as fast as the one in Rust.
const BROTLI_SCRIPT: &str = "
    const { brotliCompressSync, constants } = require('node:zlib');
    const content = require('node:fs').readFileSync(process.argv[1]);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 };
    console.log(brotliCompressSync(content, { params }).length);
";

/// The most bytes of the page's own wasm as brotli. What is painted first is static HTML and does not wait for it.
const PAGE_BUDGET: u64 = 430 * 1024;

/// The most bytes of the engine's wasm as brotli; it is fetched when the first checkpoint is dropped.
const ENGINE_BUDGET: u64 = 5 << 19;

/// The size of a file.
pub struct Size {
    /// The file's name.
    pub name: &'static str,
    /// Bytes on disk.
    pub raw: u64,
    /// Bytes as brotli, quality 11.
    pub brotli: u64,
}

/// Measures what is loaded before the first file is read, and the engine.
///
/// # Errors
/// If a file is missing or Node fails.
pub fn measure(dist: &Path) -> Result<Vec<Size>> {
    ["app_bg.wasm", "app.js", "style.css", "worker_bg.wasm", "worker.js", "engine_bg.wasm"]
        .map(|name| measure_file(dist, name))
        .into_iter()
        .collect()
}

fn measure_file(dist: &Path, name: &'static str) -> Result<Size> {
    let path = dist.join(name);
    let raw = fs::metadata(&path).with_context(|| format!("{} cannot be read", path.display()))?.len();
    let brotli = shell::output(Command::new("node").args(["-e", BROTLI_SCRIPT]).arg(&path))?;
    let brotli =
        brotli.trim().parse().with_context(|| format!("{} could not be measured", path.display()))?;
    Ok(Size { name, raw, brotli })
}

/// Prints a table.
pub fn print(sizes: &[Size]) {
    println!("{:<16} {:>12} {:>12}", "file", "bytes", "brotli");
    for Size { name, raw, brotli } in sizes {
        println!("{name:<16} {raw:>12} {brotli:>12}");
    }
}

/// The same table as Markdown.
pub fn markdown(sizes: &[Size]) -> String {
    let rows = sizes.iter().map(|Size { name, raw, brotli }| format!("| `{name}` | {raw} | {brotli} |"));
    let head = ["| file | bytes | bytes as brotli |".to_owned(), "|---|---|---|".to_owned()];
    head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Checks the budgets of page and engine.
///
/// # Errors
/// If one is exceeded.
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
            bail!("{name} has {brotli} bytes as brotli, over its budget of {budget}: {advice}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ENGINE_BUDGET, PAGE_BUDGET, Size, check};

    #[test]
    fn page_and_engine_have_budgets() {
        let size = |name, brotli| Size { name, raw: 0, brotli };
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET), size("worker_bg.wasm", PAGE_BUDGET + 1)]).is_ok());
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET + 1)]).is_err());
        assert!(check(&[size("engine_bg.wasm", ENGINE_BUDGET)]).is_ok());
        assert!(check(&[size("engine_bg.wasm", ENGINE_BUDGET + 1)]).is_err());
    }
}

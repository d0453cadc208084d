//! What the page weighs.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result, bail};

/// The most that the page's own wasm may weigh, compressed as servers send it.
const PAGE_BUDGET: u64 = 400 * 1024;

/// Bytes of a file as it is and as brotli.
pub struct Size {
    /// The file's name.
    pub name: &'static str,
    /// Bytes on disk.
    pub raw: u64,
    /// Bytes as brotli, quality 11.
    pub brotli: u64,
}

/// Weighs what is loaded before the first file is read.
pub fn weigh(dist: &Path) -> Result<Vec<Size>> {
    ["app_bg.wasm", "app.js", "style.css", "worker_bg.wasm", "worker.js"]
        .map(|name| weigh_file(dist, name))
        .into_iter()
        .collect()
}

fn weigh_file(dist: &Path, name: &'static str) -> Result<Size> {
    let path = dist.join(name);
    let content = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut compressor = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    compressor.write_all(&content)?;
    let brotli = compressor.into_inner().len() as u64;
    Ok(Size { name, raw: content.len() as u64, brotli })
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

/// Fails where the page's wasm has grown past its budget.
pub fn check(sizes: &[Size]) -> Result<()> {
    for Size { name, brotli, .. } in sizes {
        if *name == "app_bg.wasm" && *brotli > PAGE_BUDGET {
            bail!(
                "{name} weighs {brotli} bytes as brotli, more than the {PAGE_BUDGET} that the page may: \
                 look for a new dependency of crates/app, or move work into crates/worker"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PAGE_BUDGET, Size, check};

    #[test]
    fn only_the_page_has_a_budget() {
        let size = |name, brotli| Size { name, raw: 0, brotli };
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET), size("worker_bg.wasm", PAGE_BUDGET + 1)]).is_ok());
        assert!(check(&[size("app_bg.wasm", PAGE_BUDGET + 1)]).is_err());
    }
}

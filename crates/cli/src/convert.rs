//! `grokscope convert`: converts traces of any supported format to Grokscope traces, one per
//! checkpoint.

use std::{
    fs,
    path::{Path, PathBuf},
};

use trace::{GateDtype, OpenTrace};

use crate::{
    error::Error,
    load::{FileOptions, open_all},
};

/// Writes every trace under the paths to a folder. Other and unreadable files are reported and left
/// out.
pub async fn convert_all(
    paths: &[PathBuf],
    file_options: &FileOptions,
    gates: GateDtype,
    output: &Path,
) -> Result<(), Error> {
    let parts = open_all(paths, file_options).await?;
    let (traces, verdicts) = report::traces(&parts);
    for verdict in &verdicts {
        if let Some(text) = &verdict.text {
            eprintln!("{}: {text}", if verdict.used { "note" } else { "left out" });
        }
    }
    fs::create_dir_all(output).map_err(|source| Error::File { path: output.into(), source })?;
    let mut done = 0;
    for (_, trace) in &traces {
        match convert_one(trace, gates, output).await {
            Ok(()) => done += 1,
            Err(error @ (Error::Trace(_) | Error::Exists { .. })) => eprintln!("left out: {error}"),
            Err(error) => return Err(error),
        }
    }
    if done == 0 { Err(Error::NothingToConvert { count: parts.len() }) } else { Ok(()) }
}

async fn convert_one(open: &OpenTrace, gates: GateDtype, output: &Path) -> Result<(), Error> {
    let name = &open.info.name;
    let file = match open.info.step {
        Some(step) => format!("step-{step:05}.safetensors"),
        None => {
            eprintln!("note: {name}: the training step is unknown; the new file has the same name");
            format!("{}.safetensors", stem(name))
        }
    };
    let path = output.join(file);
    if path.exists() {
        return Err(Error::Exists { path, name: name.clone() });
    }
    let trace = open.read_all().await?;
    for notice in open.take_notices() {
        eprintln!("note: {notice}");
    }
    let bytes = trace::write_trace(&trace, gates)?;
    fs::write(&path, &bytes).map_err(|source| Error::File { path: path.clone(), source })?;
    let (samples, layers, experts) = (trace.len(), trace.layers, trace.experts);
    eprintln!(
        "{}: {samples} samples, {layers} layers, {experts} experts, {} bytes, from {name} ({})",
        path.display(),
        bytes.len(),
        open.info.format
    );
    Ok(())
}

/// File name without folders and extension.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

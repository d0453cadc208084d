//! Files that are no part of a run but are known: what they are, and what to do instead.

use crate::{recognise::Sniff, safetensors, tensors::TensorFile};

/// What a checkpoint is dropped as.
const WHOLE_FOLDER: &str = "Drop the checkpoint's whole folder (config.json, its shards and their index), and samples \
     beside it.";

/// Known by its first bytes or its name.
pub fn by_head(sniff: &Sniff) -> Option<String> {
    let name = sniff.source.name();
    let file = sniff.file_name();
    let head = sniff.head.as_slice();
    let is = |text: String| Some(format!("{name}: {text}"));
    // The first bytes of safetensors are a length, and a length can look like anything.
    if safetensors::looks_like(head, sniff.source.len()) {
        return None;
    }
    if head.starts_with(b"version https://git-lfs") {
        return is("a pointer of Git LFS, not the file itself. Fetch it with `git lfs pull`.".to_owned());
    }
    if head.starts_with(b"PAR1") {
        return is("a Parquet file; a reader for traces in Parquet (FLAME-MoE) is not in this version yet."
            .to_owned());
    }
    if head.starts_with(b"GGUF") {
        return is("a GGUF model; only the safetensors checkpoints of transformers are run. Convert it, or drop traces."
            .to_owned());
    }
    if head.starts_with(b"\x93NUMPY") {
        return is("a single NumPy array. Put the arrays together in one file with numpy.savez, \
                   named `gates` or `router_logits_0`, `router_logits_1` and so on."
            .to_owned());
    }
    let pickled = head.starts_with(b"\x80\x02")
        || head.starts_with(b"\x80\x03")
        || head.starts_with(b"\x80\x04")
        || head.starts_with(b"\x80\x05");
    if pickled || head_has(head, b"/data.pkl") || head_has(head, b"archive/data/") {
        return is("a Python pickle (torch.save). Pickles can run code and are never read. \
                   Convert it with safetensors.torch.save_file."
            .to_owned());
    }
    let text = sniff.text()?.trim_start();
    if text.starts_with("<!") || text.starts_with("<html") || text.starts_with("<HTML") {
        return is(
            "a web page, not a file of data. The address may need a login, or be that of a page about the \
                   file; use the address of the file itself."
                .to_owned(),
        );
    }
    if !text.starts_with('{') {
        return None;
    }
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("grokscope.report") {
        return is("a report of Grokscope, not a trace. Open it as a report.".to_owned());
    }
    if has("weight_map") && has("metadata") || file.ends_with(".index.json") {
        return is(format!("the index of a checkpoint's shards without them. {WHOLE_FOLDER}"));
    }
    if has("model_type") || has("architectures") || file == "generation_config.json" {
        return is(format!("a model's configuration without its weights. {WHOLE_FOLDER}"));
    }
    if file.starts_with("tokenizer") || has("added_tokens") || file == "special_tokens_map.json" {
        return is(format!("part of a tokenizer, which only checkpoints need. {WHOLE_FOLDER}"));
    }
    None
}

/// Known by its tensors.
pub fn by_content(sniff: &Sniff) -> Option<String> {
    let file = sniff.tensors.as_ref()?;
    if is_checkpoint(file) || is_shard_name(&sniff.file_name()) {
        return Some(format!(
            "{}: a shard of a checkpoint without its config.json. {WHOLE_FOLDER}",
            file.name()
        ));
    }
    None
}

/// Whether tensors have the names of a transformers checkpoint.
fn is_checkpoint(file: &TensorFile) -> bool {
    file.tensors.keys().any(|tensor| {
        let tensor = tensor.strip_prefix("model.").unwrap_or(tensor);
        tensor == "lm_head.weight"
            || tensor == "embed_tokens.weight"
            || (tensor.starts_with("layers.") && tensor.ends_with(".weight"))
    })
}

/// `model-00001-of-00003.safetensors`.
fn is_shard_name(file: &str) -> bool {
    let Some(stem) = file.strip_suffix(".safetensors") else { return false };
    let Some((left, of)) = stem.rsplit_once("-of-") else { return false };
    let Some((_, number)) = left.rsplit_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(of) && digits(number)
}

fn head_has(head: &[u8], needle: &[u8]) -> bool {
    head.starts_with(b"PK") && head.windows(needle.len()).any(|window| window == needle)
}

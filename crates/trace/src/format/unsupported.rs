//! Recognizes common files that are not part of a run, and explains what to open instead.

use crate::{
    archive::{Pickle, pickle},
    container::{safetensors, tensors::TensorFile},
    format::probe::Probe,
    text::shorten,
};

/// How to open a checkpoint.
const WHOLE_FOLDER: &str = "Drop the checkpoint's whole folder (config.json, its shards and their index), and samples \
     beside it.";

/// The explanation for a file that is recognized by its first bytes or its name.
pub fn by_head(probe: &Probe) -> Option<String> {
    let name = probe.source.name();
    let file = probe.file_name();
    let head = probe.head.as_slice();
    let is = |text: String| Some(format!("{name}: {text}"));
    if is_adapter(&file) {
        return is(ADAPTER.to_owned());
    }
    // The first bytes of safetensors are a length, which can equal any other format's magic.
    if safetensors::looks_like(head, probe.source.len()) {
        return None;
    }
    if head.starts_with(b"version https://git-lfs") {
        return is("a pointer of Git LFS, not the file itself. Fetch it with `git lfs pull`.".to_owned());
    }
    if head.starts_with(b"GGUF") {
        return is("a GGUF model; only the safetensors checkpoints of transformers are run. Convert it, or drop traces."
            .to_owned());
    }
    if let Some(pickle) = pickle(head) {
        return is(how_to_convert(pickle, name));
    }
    let text = probe.text()?.trim_start();
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
    let ids =
        ["top_indices", "routed_experts", "exp_ids", "topk_ids", "router_logits"].iter().any(|key| has(key));
    if has("layer") && (has("tpe") || has("tokens_per_expert")) && !ids {
        return is(TOKENS_PER_EXPERT.to_owned());
    }
    if has("grokscope.report") {
        return is("a report of Grokscope, not a trace. Open it as a report.".to_owned());
    }
    if has("weight_map") && has("metadata") || file.ends_with(".index.json") {
        return is(format!("the index of a checkpoint's shards without them. {WHOLE_FOLDER}"));
    }
    // OLMES names the model's type beside its metrics.
    let of_model = (has("model_type") || has("architectures")) && !has("metrics");
    if of_model || file == "generation_config.json" {
        return is(format!("a model's configuration without its weights. {WHOLE_FOLDER}"));
    }
    if file.starts_with("tokenizer") || has("added_tokens") || file == "special_tokens_map.json" {
        return is(format!("part of a tokenizer, which only checkpoints need. {WHOLE_FOLDER}"));
    }
    None
}

/// What to do with Megatron's `tokens_per_expert/rank{r}.jsonl`
/// (`--save-tokens-per-expert-interval`): lines of `iter`, `block`, `layer` and `tpe`, a list of
/// counts per microbatch.
const TOKENS_PER_EXPERT: &str = "counts of tokens per expert, as Megatron's `--save-tokens-per-expert-interval` writes them. They \
     tell how many tokens an expert had, not which experts a sample took, so there are no pathways in them. Record the \
     ids with Megatron's router tracer (`--moe-routing-trace-path`) and drop `router_trace_rank0.jsonl`, or \
     write router logits.";

/// What to do with an adapter.
const ADAPTER: &str = "part of a PEFT adapter, which changes a model's weights and has no router of its own. Merge it into \
     the model (`model.merge_and_unload()`, then `save_pretrained`) and add that folder.";

/// Whether PEFT writes a file of this name.
fn is_adapter(file: &str) -> bool {
    file.starts_with("adapter_model.") || file == "adapter_config.json"
}

/// The explanation for a file that is recognized by its tensors.
pub fn by_content(probe: &Probe) -> Option<String> {
    let file = probe.tensors.as_ref()?;
    if is_checkpoint(file) || is_shard_name(&probe.file_name()) {
        return Some(format!(
            "{}: a shard of a checkpoint without its config.json. {WHOLE_FOLDER}",
            file.name()
        ));
    }
    None
}

/// Whether tensors have names of a transformers checkpoint.
fn is_checkpoint(file: &TensorFile) -> bool {
    file.tensors.keys().any(|tensor| {
        let tensor = tensor.strip_prefix("model.").unwrap_or(tensor);
        tensor == "lm_head.weight"
            || tensor == "embed_tokens.weight"
            || (tensor.starts_with("layers.") && tensor.ends_with(".weight"))
    })
}

/// Whether a name is that of a shard, such as `model-00001-of-00003.safetensors`.
fn is_shard_name(file: &str) -> bool {
    let Some(stem) = file.strip_suffix(".safetensors") else { return false };
    let Some((left, of)) = stem.rsplit_once("-of-") else { return false };
    let Some((_, number)) = left.rsplit_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(of) && digits(number)
}

/// Three lines of Python that convert a pickle to a file of tensors.
fn how_to_convert(pickle: Pickle, name: &str) -> String {
    let file = shorten(name.rsplit(['/', '\\']).next().unwrap_or(name));
    let stem = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem);
    match pickle {
        Pickle::Torch => format!(
            "a Python pickle (torch.save). Pickles can run code and are never read. Three lines convert it:\n\
             import torch, safetensors.torch\n\
             data = torch.load({file:?}, map_location=\"cpu\", weights_only=True)\n\
             safetensors.torch.save_file({{k: v.contiguous() for k, v in data.items()}}, \"{stem}.safetensors\")"
        ),
        Pickle::Python => format!(
            "a Python pickle. Pickles can run code and are never read. If you trust it, three lines convert it \
             (where torch.save wrote it, torch.load reads it):\n\
             import pickle, numpy\n\
             data = pickle.load(open({file:?}, \"rb\"))\n\
             numpy.savez(\"{stem}.npz\", **data)"
        ),
    }
}

//! Writes checkpoints of any size with random weights, in the format of transformers.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use half::bf16;
use serde_json::{Value, json};

/// Dimensions of a model. Heads are 64 or 128 wide, as usual for these sizes.
pub struct Geometry {
    /// Layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Inner width of an expert.
    pub intermediate: usize,
    /// Attention heads.
    pub heads: usize,
    /// Experts per layer.
    pub experts: usize,
    /// Experts per token.
    pub top_k: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
}

/// The geometry of OLMoE-1B-7B-0924, from its `config.json`.
pub const OLMOE_1B_7B: Geometry = Geometry {
    layers: 16,
    hidden: 2048,
    intermediate: 1024,
    heads: 16,
    experts: 64,
    top_k: 8,
    vocabulary: 50_304,
};

/// The same model at a quarter of the width.
pub const QUARTER: Geometry = Geometry { hidden: 512, intermediate: 256, heads: 8, ..OLMOE_1B_7B };

/// The most bytes per shard, as transformers splits them.
const SHARD: usize = 5_000_000_000;

impl Geometry {
    /// Names and shapes of all tensors in file order.
    fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let &Self { layers, hidden, intermediate, experts, vocabulary, .. } = self;
        let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![vocabulary, hidden])];
        for layer in 0..layers {
            let mut add = |name: &str, shape: &[usize]| {
                all.push((format!("model.layers.{layer}.{name}"), shape.to_vec()));
            };
            add("input_layernorm.weight", &[hidden]);
            for projection in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                add(&format!("self_attn.{projection}.weight"), &[hidden, hidden]);
            }
            add("self_attn.q_norm.weight", &[hidden]);
            add("self_attn.k_norm.weight", &[hidden]);
            add("post_attention_layernorm.weight", &[hidden]);
            add("mlp.gate.weight", &[experts, hidden]);
            for expert in 0..experts {
                add(&format!("mlp.experts.{expert}.gate_proj.weight"), &[intermediate, hidden]);
                add(&format!("mlp.experts.{expert}.up_proj.weight"), &[intermediate, hidden]);
                add(&format!("mlp.experts.{expert}.down_proj.weight"), &[hidden, intermediate]);
            }
        }
        all.push(("model.norm.weight".to_owned(), vec![hidden]));
        all.push(("lm_head.weight".to_owned(), vec![vocabulary, hidden]));
        all
    }

    fn config(&self) -> Value {
        json!({
            "architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "attention_bias": false, "clip_qkv": null,
            "eos_token_id": 50279, "hidden_act": "silu", "hidden_size": self.hidden, "initializer_range": 0.02,
            "intermediate_size": self.intermediate, "max_position_embeddings": 4096, "norm_topk_prob": false,
            "num_attention_heads": self.heads, "num_experts": self.experts, "num_experts_per_tok": self.top_k,
            "num_hidden_layers": self.layers, "num_key_value_heads": self.heads, "output_router_logits": false,
            "pad_token_id": 1, "rope_scaling": null, "rope_theta": 10000.0, "router_aux_loss_coef": 0.01,
            "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true, "vocab_size": self.vocabulary,
        })
    }
}

/// Writes the checkpoint in bf16, unless it is there, and returns its size in bytes.
///
/// # Errors
/// If a file cannot be written.
pub fn checkpoint(folder: &Path, geometry: &Geometry) -> Result<u64> {
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        println!("Writing a checkpoint to {}", folder.display());
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        fs::write(folder.join("config.json"), geometry.config().to_string())?;
        let map = write(folder, geometry)?;
        // Written last, so that an interrupted one is written again.
        fs::write(&index, json!({ "metadata": {}, "weight_map": map }).to_string())?;
    }
    let files = fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.metadata().ok());
    Ok(files.map(|about| about.len()).sum())
}

fn write(folder: &Path, geometry: &Geometry) -> Result<Value> {
    let mut shards: Vec<Vec<(String, Vec<usize>)>> = vec![Vec::new()];
    let mut size = 0;
    for (name, shape) in geometry.tensors() {
        let bytes = shape.iter().product::<usize>() * 2;
        if size + bytes > SHARD {
            shards.push(Vec::new());
            size = 0;
        }
        size += bytes;
        if let Some(shard) = shards.last_mut() {
            shard.push((name, shape));
        }
    }
    let mut map = serde_json::Map::new();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (number, tensors) in shards.iter().enumerate() {
        let file = format!("model-{:05}-of-{:05}.safetensors", number + 1, shards.len());
        let mut header = serde_json::Map::new();
        let mut end = 0;
        for (name, shape) in tensors {
            let start = end;
            end += shape.iter().product::<usize>() * 2;
            header.insert(
                name.clone(),
                json!({ "dtype": "BF16", "shape": shape, "data_offsets": [start, end] }),
            );
            map.insert(name.clone(), file.clone().into());
        }
        let header = Value::from(header).to_string();
        let mut out = BufWriter::with_capacity(1 << 20, File::create(folder.join(&file))?);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for (_, shape) in tensors {
            numbers.write(&mut out, shape)?;
        }
        out.flush()?;
    }
    Ok(map.into())
}

/// Reproducible random numbers.
struct Numbers(u64);

impl Numbers {
    /// Writes a tensor: vectors are norms, near 1; matrices preserve the scale of their input.
    fn write(&mut self, out: &mut impl std::io::Write, shape: &[usize]) -> Result<()> {
        let (middle, spread) = match shape {
            [_] => (1.0, 0.2),
            [.., input] => (0.0, 1.7 / (*input as f32).sqrt()),
            [] => (0.0, 0.0),
        };
        let mut left = shape.iter().product::<usize>();
        let mut bytes = Vec::with_capacity(1 << 16);
        while left > 0 {
            bytes.clear();
            for _ in 0..left.min(1 << 15) {
                self.0 ^= self.0 << 13;
                self.0 ^= self.0 >> 7;
                self.0 ^= self.0 << 17;
                let unit = (self.0 >> 40) as f32 / (1_u32 << 23) as f32 - 1.0;
                bytes.extend_from_slice(&bf16::from_f32(middle + unit * spread).to_le_bytes());
            }
            left -= bytes.len() / 2;
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// Writes samples of random tokens as JSON lines.
///
/// # Errors
/// If the file cannot be written.
pub fn samples(path: &Path, count: usize, tokens: usize, vocabulary: usize) -> Result<()> {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let mut lines = String::new();
    for sample in 0..count {
        let ids: Vec<usize> = (0..tokens)
            .map(|_| {
                numbers.0 ^= numbers.0 << 13;
                numbers.0 ^= numbers.0 >> 7;
                numbers.0 ^= numbers.0 << 17;
                (numbers.0 >> 33) as usize % vocabulary
            })
            .collect();
        lines
            .push_str(&json!({ "id": format!("s{sample}"), "domain": "made", "input_ids": ids }).to_string());
        lines.push('\n');
    }
    fs::write(path, lines).with_context(|| format!("{} cannot be written", path.display()))
}

"""Writes the traces of the example run from its checkpoints, with numpy only.

    python tests/reference/example_run.py RUN OUT

RUN has `checkpoints/step*/` (OLMoE, safetensors), `samples.jsonl`, `items.jsonl` and `run.json`. OUT gets one trace
per checkpoint, the gates of the benchmark items at the last checkpoint, `run.json` and `index.json`. The forward pass
is computed in float64. If RUN has `traces/`, gates, ids and losses are compared with them.
"""

import json
import pathlib
import struct
import sys

import numpy as np

DTYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64, "U8": np.uint8}


def load(path):
    """Returns all tensors of a safetensors file, with bf16 converted to f32, and its metadata."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        raw = data[start:end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw, DTYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors, metadata


def save(path, tensors, metadata):
    """Writes a safetensors file with all arrays in C order."""
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, values in tensors.items():
        blob = np.ascontiguousarray(values).tobytes()
        dtype = next(key for key, value in DTYPES.items() if value == values.dtype)
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def forward(config, weights, ids):
    """Token gates [B,T,L,E] and logits [B,T,V] of OLMoE for a batch of equally long samples."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}
    batch, tokens = ids.shape
    heads, top_k = config["num_attention_heads"], config["num_experts_per_tok"]
    size = config["hidden_size"] // heads
    theta = config["rope_parameters"]["rope_theta"]

    def norm(x, scale):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * scale

    def split(x):
        return x.reshape(batch, tokens, heads, size).transpose(0, 2, 1, 3)

    angle = np.outer(np.arange(tokens), theta ** (-np.arange(0, size, 2) / size))
    angle = np.concatenate([angle, angle], 1)

    def rotate(x):
        half = np.concatenate([-x[..., size // 2 :], x[..., : size // 2]], -1)
        return x * np.cos(angle) + half * np.sin(angle)

    x, gates = w["model.embed_tokens.weight"][ids], []
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        n = norm(x, w[p + "input_layernorm.weight"])
        q = norm(n @ w[p + "self_attn.q_proj.weight"].T, w[p + "self_attn.q_norm.weight"])
        k = norm(n @ w[p + "self_attn.k_proj.weight"].T, w[p + "self_attn.k_norm.weight"])
        v = split(n @ w[p + "self_attn.v_proj.weight"].T)
        scores = rotate(split(q)) @ rotate(split(k)).transpose(0, 1, 3, 2) / np.sqrt(size)
        scores = np.where(np.tril(np.ones((tokens, tokens))) > 0, scores, -np.inf)
        attended = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, -1)
        x = x + attended @ w[p + "self_attn.o_proj.weight"].T
        n = norm(x, w[p + "post_attention_layernorm.weight"])
        g = softmax(n @ w[p + "mlp.gate.weight"].T)
        gates.append(g)
        chosen = np.argsort(-g, -1, kind="stable")[..., :top_k]
        for expert in range(config["num_experts"]):
            e = f"{p}mlp.experts.{expert}."
            gate, up = n @ w[e + "gate_proj.weight"].T, n @ w[e + "up_proj.weight"].T
            weight = (chosen == expert).any(-1)[..., None] * g[..., expert : expert + 1]
            x = x + weight * ((gate / (1 + np.exp(-gate)) * up) @ w[e + "down_proj.weight"].T)
    x = norm(x, w["model.norm.weight"])
    return np.stack(gates, 2), x @ w["lm_head.weight"].T


def main(run, out):
    out.mkdir(parents=True, exist_ok=True)
    samples = [json.loads(line) for line in (run / "samples.jsonl").open()]
    items = [json.loads(line) for line in (run / "items.jsonl").open()]
    results = json.loads((run / "run.json").read_text())
    ids = np.array([sample["input_ids"] for sample in samples])
    answers = np.array([sample["targets"][-1] for sample in samples])
    names = json.dumps([{"id": s["id"], "domain": s["domain"]} for s in samples], separators=(",", ":"))
    files, worst = [], {"gates": 0.0, "loss": 0.0, "topk_ids": 0}
    for at, step in enumerate(results["steps"]):
        folder = run / "checkpoints" / f"step{step}"
        config = json.loads((folder / "config.json").read_text())
        weights = {}
        for shard in sorted(folder.glob("*.safetensors")):
            weights.update(load(shard)[0])
        layers, top_k = config["num_hidden_layers"], config["num_experts_per_tok"]
        gates, logits = forward(config, weights, ids)
        loss = -np.log(softmax(logits[:, -1]))[np.arange(len(samples)), answers]
        tokens, experts = ids.shape[1], config["num_experts"]
        top = np.argsort(-gates, -1, kind="stable")[..., :top_k]
        trace = {
            "gates": gates.mean(1).astype(np.float32),
            "loss": loss.astype(np.float32),
            "n_tokens": np.full(len(samples), tokens, np.int32),
            "router_weight": np.stack([weights[f"model.layers.{l}.mlp.gate.weight"] for l in range(layers)]),
            "topk_ids": top.reshape(-1, layers, top_k).astype(np.uint8),
            "offsets": np.arange(len(samples) + 1, dtype=np.int64) * tokens,
        }
        stored = run / "traces" / f"step-{step:05}.safetensors"
        seen = 1152 * step
        if stored.exists():
            old, metadata = load(stored)
            seen = int(metadata["tokens"])
            # Stored with the layer as first axis, although the shape differs.
            old_gates = old["gates"].reshape(layers, len(samples), experts).transpose(1, 0, 2)
            worst["gates"] = max(worst["gates"], float(np.abs(trace["gates"] - old_gates).max()))
            worst["loss"] = max(worst["loss"], float(np.abs(trace["loss"] - old["loss"]).max()))
            old_ids = old["topk_ids"].reshape(layers, -1, top_k).transpose(1, 0, 2)
            worst["topk_ids"] += int((old_ids != trace["topk_ids"]).any(-1).sum())
        metadata = {
            "format": "grokscope.trace",
            "version": "1",
            "model": results["model"],
            "step": str(step),
            "tokens": str(seen),
            "gate_kind": "softmax-mean",
            "samples": names,
        }
        name = f"step-{step:05}.safetensors"
        save(out / name, trace, metadata)
        files.append(name)
        right = forward(config, weights, np.array([item["input_ids"] for item in items]))
        guesses = right[1][:, -1].argmax(-1)
        agree = sum(int(g == i["answer_ids"][0]) == r["correct"][at] for g, i, r in zip(guesses, items, results["items"]))
        print(f"step {step}: {agree} of {len(items)} items agree with run.json")
        if at + 1 == len(results["steps"]):
            metadata = {"format": "grokscope.items", "model": results["model"], "step": str(step)}
            save(out / "items-last.safetensors", {"gates": right[0].mean(1).astype(np.float32)}, metadata)
            files.append("items-last.safetensors")
    (out / "run.json").write_text(json.dumps(results, separators=(",", ":")))
    files.append("run.json")
    index = {"title": "A tiny OLMoE that groks modular arithmetic", "files": files}
    (out / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    print("largest difference from the stored traces:", worst)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))

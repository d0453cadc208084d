#!/usr/bin/env python3
"""Write the Grokscope trace of one checkpoint of a mixture-of-experts model with transformers.

    python write_trace.py MODEL samples.jsonl --step 5000 -o step-5000.safetensors

MODEL is a folder or a name that transformers can load. Run the script once per checkpoint, with the same samples.
samples.jsonl has one JSON object per line: "id", "domain", and "input_ids" or "text"; optional "targets", as long as the
ids: the token to predict at each position, or -100 for none (default: the ids shifted by one).

Gates are means of softmax over all experts, or of sigmoid scores over their sum if the family's routers score by
sigmoid; the file states which (`gate_kind`). For a family that is not listed below, give --gate-kind.

Needs torch, transformers and safetensors. Works with models that return `router_logits`, one tensor per sparse layer; for
families that score by sigmoid, transformers does so since 5.24.
"""

import argparse
import json
import re
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


# Families (`model_type` of the configuration) by how their routers score tokens, in transformers 5.24. Correction biases,
# groups, renormalization and scaling change which experts are taken and how they are weighed, not the gates.
SOFTMAX = """
dbrx deepseek_v2 doge ernie4_5_moe ernie4_5_vl_moe_text flex_olmo gpt_oss granitemoe granitemoehybrid granitemoeshared
hunyuan_v1_moe jamba jetmoe longcat_flash minimax mistral4 mixtral olmoe phimoe qwen2_moe qwen3_5_moe_text qwen3_moe
qwen3_next qwen3_omni_moe_text qwen3_vl_moe_text
""".split()
SIGMOID = """
afmoe axk1 bailing_hybrid deepseek_v3 deepseek_v32 dots1 exaone_moe glm4_moe glm4_moe_lite glm4v_moe_text glm_moe_dsa hy_v3
kimi_k2 kimi_linear laguna lfm2_moe llama4_text mimo_v2_flash minimax_m2 nemotron_h solar_open
""".split()
KINDS = ["softmax-mean", "sigmoid-normalized-mean"]


def gate_kind_of(config, given):
    """The rule that makes gates of router logits: what the user gives, or else the family's."""
    if given:
        return given
    if config.model_type in SIGMOID:
        return "sigmoid-normalized-mean"
    if config.model_type in SOFTMAX:
        return "softmax-mean"
    by_score = {"softmax": "softmax-mean", "sigmoid": "sigmoid-normalized-mean"}
    if getattr(config, "scoring_func", None) in by_score:
        return by_score[config.scoring_func]
    sys.exit(f"{config.model_type}: whether its routers score by softmax or by sigmoid is not known here. Look it up in "
             f"transformers' modeling_{config.model_type}.py and give --gate-kind {' or '.join(KINDS)}.")


def routing_weights(z, kind):
    """Router logits to a distribution over all experts."""
    if kind == "sigmoid-normalized-mean":
        scores = z.sigmoid()
        return scores / scores.sum(-1, keepdim=True)
    return z.softmax(-1)


def mean_gates(router_logits, mask, kind):
    """Mean routing weights of each sample, [S, L, E]; `mask` [S, T] is 1 for real tokens."""
    z = torch.stack([layer.float() for layer in router_logits])                   # [L, S*T, E]
    if are_probabilities(z[:, mask.flatten().bool()]):
        if kind != "softmax-mean":
            sys.exit("The router logits are probabilities. Update transformers to 5.24 or later.")
        p = z                                                                     # softmax is not applied twice
    else:
        p = routing_weights(z, kind)
    p = p.double().unflatten(1, mask.shape) * mask[None, :, :, None]              # padding does not count
    return (p.sum(2) / mask.sum(1)[None, :, None]).transpose(0, 1).float()


def are_probabilities(z):
    """Whether the router logits are softmax probabilities, as in transformers 5.0 to 5.5."""
    return bool((z >= 0).all() and (z <= 1).all() and ((z.sum(-1) - 1).abs() < 1e-2).all())


def sample_losses(logits, targets):
    """Mean negative log-likelihood of each sample's counted targets, in nats, [S]; NaN without counted targets."""
    counted = targets != -100
    nll = torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), targets, ignore_index=-100, reduction="none"
    )
    return (nll.double() * counted).sum(1) / counted.sum(1)


def router_weights(model, layers, experts):
    """The router matrices, [L, E, d], or None if they do not have their usual names."""
    usual = re.compile(r"(^|\.)(gate|router|router\.layer)\.weight$")
    found = [
        (int(re.search(r"\.(\d+)\.", name)[1]), weight.detach().float().cpu())
        for name, weight in model.named_parameters()
        if usual.search(name) and weight.ndim == 2 and weight.shape[0] == experts and re.search(r"\.(\d+)\.", name)
    ]
    found.sort(key=lambda pair: pair[0])
    return torch.stack([weight for _, weight in found]) if len(found) == layers else None


def record_selections(model):
    """A list to which every router's selected experts are added in a forward pass, [tokens, k] each.

    The routers of transformers return logits, weights and ids. With correction biases or groups of experts, logits alone
    do not tell the ids.
    """
    selected = []

    def hook(module, inputs, output):
        if isinstance(output, tuple) and len(output) == 3 and not output[2].is_floating_point():
            selected.append(output[2])

    for name, module in model.named_modules():
        if re.search(r"(^|\.)(gate|router)$", name):
            module.register_forward_hook(hook)
    return selected


def selects_by_rank(model, config):
    """Whether the selected experts are those with the largest logits."""
    names = [name for name, _ in [*model.named_parameters(), *model.named_buffers()]]
    biased = any("correction_bias" in name or "expert_bias" in name for name in names)
    return not biased and (getattr(config, "n_group", None) or 1) == 1


def selected_experts(selected, router_logits, top_k, by_rank):
    """Selected experts of every token, [S*T, L, k], largest logit first; None where they are not known."""
    z = torch.stack([layer.float() for layer in router_logits], 1)                # [S*T, L, E]
    if len(selected) == len(router_logits):
        ids = torch.stack([layer.to(z.device) for layer in selected], 1)
        return ids.gather(-1, z.gather(-1, ids).argsort(-1, descending=True))
    # The ranks of logits and of probabilities are the same.
    return z.topk(top_k).indices if by_rank else None


def read_samples(path, tokenizer_name, limit):
    """Samples of the file, each with input_ids and targets."""
    tokenizer = None
    samples = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            sample = json.loads(line)
            if "id" not in sample:
                sys.exit(f"{path}, line {number}: no `id`. Give every sample an id that is the same for every checkpoint.")
            if "input_ids" not in sample:
                if "text" not in sample:
                    sys.exit(f"{path}, line {number}: neither `input_ids` nor `text`.")
                tokenizer = tokenizer or AutoTokenizer.from_pretrained(tokenizer_name)
                sample["input_ids"] = tokenizer(sample["text"])["input_ids"]
            ids = sample["input_ids"]
            targets = sample.get("targets", ids[1:] + [-100])
            if not ids or len(targets) != len(ids):
                sys.exit(f"{path}, line {number}: {len(ids)} ids and {len(targets)} targets; expected equal numbers, at least one.")
            # Cut at the end, so that the targets remain correct.
            samples.append({**sample, "input_ids": ids[:limit], "targets": targets[:limit]})
    if not samples:
        sys.exit(f"{path}: no samples. Write one JSON object per line.")
    return samples


def padded(lists, value):
    """Lists as one tensor, padded on the right."""
    width = max(map(len, lists))
    return torch.tensor([row + [value] * (width - len(row)) for row in lists])


@torch.inference_mode()
def trace(model, samples, batch_size, top_k, kind, by_rank):
    """All per-sample arrays of the trace, in the order of the samples."""
    gates, losses, counts, selected = [], [], [], []
    recorded = record_selections(model)
    for start in range(0, len(samples), batch_size):
        batch = samples[start : start + batch_size]
        ids = padded([sample["input_ids"] for sample in batch], 0).to(model.device)
        mask = padded([[1] * len(sample["input_ids"]) for sample in batch], 0).to(model.device)
        targets = padded([sample["targets"] for sample in batch], -100).to(model.device)
        recorded.clear()
        out = model(input_ids=ids, attention_mask=mask, output_router_logits=True, use_cache=False)
        gates.append(mean_gates(out.router_logits, mask, kind).cpu())
        losses.append(sample_losses(out.logits, targets).float().cpu())
        counts.append(mask.sum(1).cpu())
        ids = selected_experts(recorded, out.router_logits, top_k, by_rank)
        if ids is not None:
            selected.append(ids[mask.flatten().bool()].cpu())
        print(f"\r{min(start + batch_size, len(samples))} of {len(samples)} samples", end="", file=sys.stderr)
    print(file=sys.stderr)
    return torch.cat(gates), torch.cat(losses), torch.cat(counts), torch.cat(selected) if selected else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="folder or name of the checkpoint")
    parser.add_argument("samples", help="JSON lines: id, domain, input_ids or text, optional targets")
    parser.add_argument("-o", "--output", required=True, help="trace file to write (.safetensors)")
    parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
    parser.add_argument("--tokens", type=int, help="training tokens seen at that step")
    parser.add_argument("--revision", help="branch of the model's repository, such as step5000-tokens20B")
    parser.add_argument("--tokenizer", help="folder or name of the tokenizer, if not with the model")
    parser.add_argument("--max-tokens", type=int, default=2048, help="maximum number of tokens per sample")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--dtype", default="float32", help="float32 is the reference; bfloat16 is faster")
    parser.add_argument("--half-gates", action="store_true", help="store gates in 16 bits; single pathways may change")
    parser.add_argument("--gate-kind", choices=KINDS, help="the rule that makes gates of router logits, if not the family's")
    args = parser.parse_args()

    samples = read_samples(args.samples, args.tokenizer or args.model, args.max_tokens)
    model = AutoModelForCausalLM.from_pretrained(args.model, revision=args.revision, dtype=getattr(torch, args.dtype))
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    config = model.config.get_text_config()
    top_k = getattr(config, "num_experts_per_tok", None) or getattr(config, "moe_topk", None)
    if not top_k:
        sys.exit(f"{args.model}: the configuration has no num_experts_per_tok. Give a mixture-of-experts model.")

    kind = gate_kind_of(config, args.gate_kind)
    by_rank = selects_by_rank(model, config)
    gates, losses, counts, selected = trace(model, samples, args.batch_size, top_k, kind, by_rank)
    _, layers, experts = gates.shape
    tensors = {
        "gates": gates.numpy().astype(np.float16 if args.half_gates else np.float32),
        "loss": losses.numpy(),
        "n_tokens": counts.numpy().astype(np.int32),
    }
    if selected is None:
        print("The routers do not return what they select, and biases or groups decide it too; the trace has no load and no "
              "saturation.", file=sys.stderr)
    else:
        tensors["topk_ids"] = selected.numpy().astype(np.uint8 if experts <= 256 else np.uint16)
        tensors["offsets"] = np.concatenate([[0], counts.numpy().cumsum()]).astype(np.int64)
    weights = router_weights(model, layers, experts)
    if weights is None:
        print("The router matrices were not found; the trace has no consistency.", file=sys.stderr)
    else:
        tensors["router_weight"] = weights.numpy()
    labels = [{"id": str(sample["id"]), "domain": sample.get("domain", "all")} for sample in samples]
    metadata = {
        "format": "grokscope.trace",
        "version": "1",
        "gate_kind": kind,
        "model": str(args.model),
        "step": str(args.step),
        "samples": json.dumps(labels),
    }
    if args.tokens is not None:
        metadata["tokens"] = str(args.tokens)
    # safetensors.numpy writes the memory of an array whatever its strides: a transposed one would be saved in the wrong order.
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, args.output, metadata)
    print(f"{args.output}: {len(samples)} samples, {layers} layers, {experts} experts, top-{top_k}", file=sys.stderr)


if __name__ == "__main__":
    main()

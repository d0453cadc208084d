#!/usr/bin/env python3
"""Write the Grokscope trace of one checkpoint with forward hooks, for models that do not return `router_logits`.

    python trace_with_hooks.py MODEL samples.jsonl --step 5000 -o step-5000.safetensors --router 'mlp\\.gate$'

MODEL is a folder or a name that transformers can load. samples.jsonl has one JSON object per line: "id", "domain", and
"input_ids" or "text". --router is a regular expression for the names of the routers: modules with a `weight` [experts,
width] whose input is the hidden states of the tokens. Gates are means of softmax over all experts of `weight` times input, or of
sigmoid scores over their sum if the family's routers score by sigmoid; the file states which (`gate_kind`). For a family
that is not listed below, give --gate-kind.

Needs torch, transformers and safetensors.
"""

import argparse
import json
import re
import sys

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, linear
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


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("samples")
parser.add_argument("-o", "--output", required=True)
parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
parser.add_argument("--router", default=r"(mlp|block_sparse_moe|feed_forward)\.(gate|router)$", help="regular expression for names of routers")
parser.add_argument("--max-tokens", type=int, default=2048, help="maximum number of tokens per sample")
parser.add_argument("--gate-kind", choices=KINDS, help="the rule that makes gates of router logits, if not the family's")
args = parser.parse_args()

model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
routers = [module for name, module in model.named_modules() if re.search(args.router, name)]
if not routers:
    sys.exit(f"{args.model}: no module's name matches {args.router!r}. Print model.named_modules() and give --router.")
config = model.config.get_text_config()
k, kind = config.num_experts_per_tok, gate_kind_of(config, args.gate_kind)
names = [name for name, _ in [*model.named_parameters(), *model.named_buffers()]]
biased = any("correction_bias" in name or "expert_bias" in name for name in names) or (getattr(config, "n_group", 1) or 1) > 1
logits, chosen = [], []  # Of the current sample, [tokens, experts] and [tokens, k] per layer.


def hook(module, inputs, output):
    hidden = inputs[0].reshape(-1, module.weight.shape[1])
    logits.append(linear(hidden.float(), module.weight.float(), getattr(module, "bias", None)))
    # Routers of transformers return logits, weights and ids: with correction biases or groups, logits do not tell the ids.
    if isinstance(output, tuple) and len(output) == 3 and not output[2].is_floating_point():
        chosen.append(output[2])
    elif not biased:
        chosen.append(logits[-1].topk(k).indices)


for router in routers:
    router.register_forward_hook(hook)

labels, gates, losses, counts, selected, tokenizer = [], [], [], [], [], None
for line in filter(str.strip, open(args.samples, encoding="utf-8")):
    sample = json.loads(line)
    if "input_ids" not in sample:
        tokenizer = tokenizer or AutoTokenizer.from_pretrained(args.model)
        sample["input_ids"] = tokenizer(sample["text"])["input_ids"]
    ids = torch.tensor(sample["input_ids"][: args.max_tokens], device=model.device)
    logits.clear(), chosen.clear()
    with torch.inference_mode():
        scores = model(input_ids=ids[None], use_cache=False).logits[0].float()
    layers = torch.stack(logits)  # [layers, tokens, experts]
    gates.append(routing_weights(layers, kind).double().mean(1).float())
    if len(chosen) == len(layers):
        best = torch.stack(chosen)
        best = best.gather(-1, layers.gather(-1, best).argsort(-1, descending=True))  # largest logit first
        selected.append(best.transpose(0, 1))
    losses.append(cross_entropy(scores[:-1], ids[1:]) if len(ids) > 1 else torch.tensor(float("nan")))
    counts.append(len(ids))
    labels.append({"id": str(sample["id"]), "domain": sample.get("domain", "all")})
if not labels:
    sys.exit(f"{args.samples}: no samples. Write one JSON object per line.")

tensors = {
    "gates": torch.stack(gates), "loss": torch.stack([loss.cpu() for loss in losses]),
    "n_tokens": torch.tensor(counts, dtype=torch.int32), "router_weight": torch.stack([router.weight for router in routers]),
}
if len(selected) == len(counts):
    tensors |= {"topk_ids": torch.cat(selected).to(torch.int32), "offsets": torch.tensor([0, *counts]).cumsum(0)}
else:
    print("The routers do not return what they select, and biases or groups decide it too; the trace has no load and no "
          "saturation.", file=sys.stderr)
about = {"format": "grokscope.trace", "version": "1", "gate_kind": kind, "model": args.model,
         "step": str(args.step), "samples": json.dumps(labels)}
save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, args.output, about)

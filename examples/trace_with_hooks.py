#!/usr/bin/env python3
"""Write the Grokscope trace of one checkpoint with forward hooks, for models that do not return `router_logits`.

    python trace_with_hooks.py MODEL samples.jsonl --step 5000 -o step-5000.safetensors --router 'mlp\\.gate$'

MODEL is a folder or a name that transformers can load. samples.jsonl has one JSON object per line: "id", "domain", and
"input_ids" or "text". --router is a regular expression for the names of the routers: modules with a `weight` [experts,
width] whose input is the hidden states of the tokens. Gates are the softmax of `weight` times input; for other routers
(a sigmoid, a selection bias), change `hook`.

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

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("samples")
parser.add_argument("-o", "--output", required=True)
parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
parser.add_argument("--router", default=r"(mlp|block_sparse_moe|feed_forward)\.(gate|router)$", help="regular expression for names of routers")
parser.add_argument("--max-tokens", type=int, default=2048, help="maximum number of tokens per sample")
args = parser.parse_args()

model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
routers = [module for name, module in model.named_modules() if re.search(args.router, name)]
if not routers:
    sys.exit(f"{args.model}: no module's name matches {args.router!r}. Print model.named_modules() and give --router.")
k = model.config.get_text_config().num_experts_per_tok
logits = []  # Of the current sample, one [tokens, experts] per layer.


def hook(module, inputs, _):
    hidden = inputs[0].reshape(-1, module.weight.shape[1])
    logits.append(linear(hidden, module.weight, getattr(module, "bias", None)).float())


for router in routers:
    router.register_forward_hook(hook)

labels, gates, losses, counts, selected, tokenizer = [], [], [], [], [], None
for line in filter(str.strip, open(args.samples, encoding="utf-8")):
    sample = json.loads(line)
    if "input_ids" not in sample:
        tokenizer = tokenizer or AutoTokenizer.from_pretrained(args.model)
        sample["input_ids"] = tokenizer(sample["text"])["input_ids"]
    ids = torch.tensor(sample["input_ids"][: args.max_tokens], device=model.device)
    logits.clear()
    with torch.inference_mode():
        scores = model(input_ids=ids[None], use_cache=False).logits[0].float()
    layers = torch.stack(logits)  # [layers, tokens, experts]
    gates.append(layers.softmax(-1).double().mean(1).float())
    selected.append(layers.topk(k).indices.transpose(0, 1))
    losses.append(cross_entropy(scores[:-1], ids[1:]) if len(ids) > 1 else torch.tensor(float("nan")))
    counts.append(len(ids))
    labels.append({"id": str(sample["id"]), "domain": sample.get("domain", "all")})
if not labels:
    sys.exit(f"{args.samples}: no samples. Write one JSON object per line.")

tensors = {
    "gates": torch.stack(gates), "loss": torch.stack([loss.cpu() for loss in losses]),
    "n_tokens": torch.tensor(counts, dtype=torch.int32), "topk_ids": torch.cat(selected).to(torch.int32),
    "offsets": torch.tensor([0, *counts]).cumsum(0), "router_weight": torch.stack([router.weight for router in routers]),
}
about = {"format": "grokscope.trace", "version": "1", "gate_kind": "softmax-mean", "model": args.model,
         "step": str(args.step), "samples": json.dumps(labels)}
save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, args.output, about)

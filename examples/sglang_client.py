#!/usr/bin/env python3
"""Request the selected experts of samples from an SGLang server; write JSON lines for Grokscope. Standard library only.

    python -m sglang.launch_server --model-path MODEL --enable-return-routed-experts
    python sglang_client.py samples.jsonl --step 5000 --num-experts 64 --top-k 8 -o step-5000.jsonl

samples.jsonl has one JSON object per line: "id", "domain", and "input_ids" or "text". Serve each checkpoint in turn
with the same samples. SGLang returns ids without weights, so Grokscope uses selection frequencies.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("samples")
parser.add_argument("-o", "--output", required=True)
parser.add_argument("--url", default="http://localhost:30000", help="address of the server")
parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
parser.add_argument("--num-experts", type=int, help="experts per layer; ids only give a lower bound")
parser.add_argument("--top-k", type=int, help="experts per token, which responses do not contain; otherwise inferred")
parser.add_argument("--key", help="API key, if the server requires one")
args = parser.parse_args()


def ask(path, body):
    headers = {"Content-Type": "application/json"}
    if args.key:
        headers["Authorization"] = f"Bearer {args.key}"
    request = urllib.request.Request(args.url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{args.url}{path}: status {error.code}: {error.read().decode(errors='replace')[:500]}")
    except OSError as error:
        sys.exit(f"{args.url}{path}: {error}. Check that the server runs, or give its address with --url.")


def loss(about):
    """Mean negative log-likelihood of the prompt's tokens except the first, in nats; None if the server returns none."""
    likelihoods = [one[0] for one in about.pop("input_token_logprobs", None) or [] if one[0] is not None]
    return -sum(likelihoods) / len(likelihoods) if likelihoods else None


given = {"step": args.step, "num_experts": args.num_experts, "num_experts_per_tok": args.top_k}
given = {name: value for name, value in given.items() if value is not None}
with open(args.samples, encoding="utf-8") as samples, open(args.output, "w", encoding="utf-8") as output:
    for line in filter(str.strip, samples):
        sample = json.loads(line)
        prompt = {name: sample[name] for name in ("input_ids", "text") if name in sample}
        if "input_ids" in prompt:
            prompt.pop("text", None)
        # At least one token must be generated; the last token of a text has no row.
        answer = ask("/generate", {
            **prompt, "sampling_params": {"max_new_tokens": 1, "temperature": 0}, "return_routed_experts": True,
            "return_logprob": True, "logprob_start_len": 0,
        })
        about = answer["meta_info"]
        if about.get("routed_experts") is None:
            sys.exit(f"{args.url}: no `routed_experts` in the response. Start SGLang with --enable-return-routed-experts.")
        mean = loss(about)
        about.pop("output_token_logprobs", None)
        own = {"sample_id": sample["id"], "domain": sample.get("domain", "all"), **given}
        if mean is not None:
            own["loss"] = mean
        output.write(json.dumps({**own, **answer}) + "\n")

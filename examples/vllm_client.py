#!/usr/bin/env python3
"""Request the selected experts of samples from a vLLM server; write JSON lines for Grokscope. Standard library only.

    vllm serve MODEL --enable-return-routed-experts
    python vllm_client.py samples.jsonl --step 5000 --num-experts 64 -o step-5000.jsonl

samples.jsonl has one JSON object per line: "id", "domain", and "input_ids" or "text". Serve each checkpoint in turn
with the same samples. vLLM returns ids without weights, so Grokscope uses selection frequencies.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("samples")
parser.add_argument("-o", "--output", required=True)
parser.add_argument("--url", default="http://localhost:8000", help="address of the server")
parser.add_argument("--model", help="name of the served model, if there are several")
parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
parser.add_argument("--num-experts", type=int, help="experts per layer; ids only give a lower bound")
parser.add_argument("--key", help="API key, if the server requires one")
args = parser.parse_args()


def ask(path, body=None):
    headers = {"Content-Type": "application/json"}
    if args.key:
        headers["Authorization"] = f"Bearer {args.key}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(args.url + path, data, headers)) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{args.url}{path}: status {error.code}: {error.read().decode(errors='replace')[:500]}")
    except OSError as error:
        sys.exit(f"{args.url}{path}: {error}. Check that the server runs, or give its address with --url.")


def loss(choice):
    """Mean negative log-likelihood of the prompt's tokens except the first, in nats; None if the server returns none."""
    likelihoods = [next(iter(one.values()))["logprob"] for one in choice.pop("prompt_logprobs", None) or [] if one]
    return -sum(likelihoods) / len(likelihoods) if likelihoods else None


model = args.model or ask("/v1/models")["data"][0]["id"]
about = {"step": args.step, **({"num_experts": args.num_experts} if args.num_experts else {})}
with open(args.samples, encoding="utf-8") as samples, open(args.output, "w", encoding="utf-8") as output:
    for line in filter(str.strip, samples):
        sample = json.loads(line)
        # At least one token must be generated; the last token of a text has no row. Requesting log-likelihoods of the
        # prompt also bypasses the prefix cache, for which some versions return no ids.
        answer = ask("/v1/completions", {
            "model": model, "prompt": sample.get("input_ids") or sample["text"], "max_tokens": 1, "temperature": 0,
            "prompt_logprobs": 0, "return_token_ids": True,
        })
        choice = answer["choices"][0]
        if choice.get("routed_experts") is None and answer.get("prompt_routed_experts") is None:
            sys.exit(f"{args.url}: no `routed_experts` in the response. Start vLLM with --enable-return-routed-experts.")
        mean = loss(choice)
        own = {"sample_id": sample["id"], "domain": sample.get("domain", "all"), **about}
        if mean is not None:
            own["loss"] = mean
        output.write(json.dumps({**own, **answer}) + "\n")

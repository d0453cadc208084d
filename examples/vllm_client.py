#!/usr/bin/env python3
"""Request the selected experts of samples from a vLLM server; write JSON lines for Grokscope.

    pip install ./python
    vllm serve MODEL --enable-return-routed-experts
    python examples/vllm_client.py samples.jsonl --step 5000 --num-experts 64 -o step-5000.jsonl

samples.jsonl has one JSON object per line: "id", "domain", and "input_ids" or "text". Serve each checkpoint in turn
with the same samples. vLLM returns ids without weights, so Grokscope uses selection frequencies.
"""

import sys

from grokscope.servers import Server, mean_loss, options, record

parser = options(__doc__.split("\n")[0], "http://localhost:8000")
parser.add_argument("--model", help="name of the served model, if there are several")
args = parser.parse_args()
server = Server(args.url, args.key)
model = args.model or server.ask("/v1/models")["data"][0]["id"]


def answer(sample):
    # At least one token must be generated; the last token of a text has no row. Requesting log-likelihoods of the
    # prompt also bypasses the prefix cache, for which some versions return no ids.
    got = server.ask("/v1/completions", {
        "model": model, "prompt": sample.get("input_ids") or sample["text"], "max_tokens": 1, "temperature": 0,
        "prompt_logprobs": 0, "return_token_ids": True,
    })
    choice = got["choices"][0]
    if choice.get("routed_experts") is None and got.get("prompt_routed_experts") is None:
        sys.exit(f"{args.url}: no `routed_experts` in the response. Start vLLM with --enable-return-routed-experts.")
    # The first token of a prompt has no likelihood.
    return got, mean_loss([next(iter(one.values()))["logprob"] for one in choice.pop("prompt_logprobs", None) or [] if one])


record(args.samples, args.output, {"step": args.step, "num_experts": args.num_experts}, answer)

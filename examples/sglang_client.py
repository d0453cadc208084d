#!/usr/bin/env python3
"""Request the selected experts of samples from an SGLang server; write JSON lines for Grokscope.

    pip install ./python
    python -m sglang.launch_server --model-path MODEL --enable-return-routed-experts
    python examples/sglang_client.py samples.jsonl --step 5000 --num-experts 64 --top-k 8 -o step-5000.jsonl

samples.jsonl has one JSON object per line: "id", "domain", and "input_ids" or "text". Serve each checkpoint in turn
with the same samples. SGLang returns ids without weights, so Grokscope uses selection frequencies.
"""

import sys

from grokscope.servers import Server, mean_loss, options, record

parser = options(__doc__.split("\n")[0], "http://localhost:30000")
parser.add_argument("--top-k", type=int, help="experts per token, which responses do not contain; otherwise inferred")
args = parser.parse_args()
server = Server(args.url, args.key)


def answer(sample):
    prompt = {name: sample[name] for name in ("input_ids", "text") if name in sample}
    if "input_ids" in prompt:
        prompt.pop("text", None)
    # At least one token must be generated; the last token of a text has no row.
    got = server.ask("/generate", {
        **prompt, "sampling_params": {"max_new_tokens": 1, "temperature": 0}, "return_routed_experts": True,
        "return_logprob": True, "logprob_start_len": 0,
    })
    about = got["meta_info"]
    if about.get("routed_experts") is None:
        sys.exit(f"{args.url}: no `routed_experts` in the response. Start SGLang with --enable-return-routed-experts.")
    likelihoods = [one[0] for one in about.pop("input_token_logprobs", None) or [] if one[0] is not None]
    about.pop("output_token_logprobs", None)
    return got, mean_loss(likelihoods)


about = {"step": args.step, "num_experts": args.num_experts, "num_experts_per_tok": args.top_k}
record(args.samples, args.output, about, answer)

"""`python -m grokscope.record`: writes the trace of one checkpoint with transformers."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .errors import GrokscopeError
from .gates import KINDS
from .samples import ProbeSet
from .trace import Trace

ABOUT = "Write the Grokscope trace of one checkpoint of a mixture-of-experts model with transformers."


def parser(about: str = ABOUT, router: str | None = None) -> argparse.ArgumentParser:
    """The options. `router` is the pattern for the names of the routers, if they are not to be found by family."""
    options = argparse.ArgumentParser(description=about)
    add = options.add_argument
    add("model", help="folder or name of the checkpoint")
    add("samples", help="JSON lines: id, domain, input_ids or text, optional targets")
    add("-o", "--output", required=True, help="trace file to write (.safetensors)")
    add("--step", type=int, required=True, help="training step of the checkpoint")
    add("--tokens", type=int, help="training tokens seen at that step")
    add("--revision", help="branch of the model's repository, such as step5000-tokens20B")
    add("--tokenizer", help="folder or name of the tokenizer, if not with the model")
    add("--max-tokens", type=int, default=2048, help="maximum number of tokens per sample")
    add("--batch-size", type=int, default=8)
    add("--dtype", default="float32", help="float32 is the reference; bfloat16 is faster")
    add("--half-gates", action="store_true", help="store gates in 16 bits; single pathways may change")
    add("--router", default=router, help="regular expression for names of routers, if they are not found by family")
    add("--gate-kind", choices=KINDS, help="the rule that makes gates of router logits, if not the family's")
    return options


def main(about: str = ABOUT, router: str | None = None) -> None:
    """Runs the command; ends the program with a sentence if it fails."""
    args = parser(about, router).parse_args()
    try:
        trace = record(args)
        trace.write(args.output, args.half_gates)
    except GrokscopeError as error:
        sys.exit(f"{args.model}: {error}")
    samples, layers, experts = trace.gates.shape
    if trace.topk_ids is None:
        print(
            "The routers do not return what they select, and biases or groups decide it too; the trace has no load and no "
            "saturation.",
            file=sys.stderr,
        )
    if trace.router_weight is None:
        print("The router matrices were not found; the trace has no consistency.", file=sys.stderr)
    print(f"{args.output}: {samples} samples, {layers} layers, {experts} experts", file=sys.stderr)


def record(args: argparse.Namespace) -> Trace:
    """Runs the checkpoint and returns its trace. Raises GrokscopeError."""
    probe = ProbeSet.read(args.samples, args.max_tokens)

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from .collector import Collector

    tokenize = None
    if any(sample.input_ids is None for sample in probe.samples):
        tokenizer = AutoTokenizer.from_pretrained(args.tokenizer or args.model)
        tokenize = lambda text: tokenizer(text)["input_ids"]  # noqa: E731
    model: Any = AutoModelForCausalLM.from_pretrained(args.model, revision=args.revision, dtype=getattr(torch, args.dtype))
    collector = Collector(
        probe,
        "",
        routers=args.router,
        gate_kind=args.gate_kind,
        tokenize=tokenize,
        batch_size=args.batch_size,
        model_name=str(args.model),
    )
    return collector.measure(model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), args.step, args.tokens)


if __name__ == "__main__":
    main()

"""Measures what a collection costs: its time over that of a training step, and over that of the bare forward passes.

    OMP_NUM_THREADS=1 python python/bench/overhead.py

A small model of OLMoE's shape (6 layers, 16 experts, top 4), 400 samples of 64 tokens, training batches of 8,192 tokens.
"""

import argparse
import statistics
import tempfile
import time

import torch
from transformers import OlmoeConfig, OlmoeForCausalLM

from grokscope import Collector, ProbeSet, Sample
from grokscope.batches import Batch
from grokscope.forward import default_forward


def timed(actions, repeats):
    """Seconds of each action, in turns, so that another load on the machine meets all alike. The first turn does not count."""
    rounds = []
    for _ in range(repeats + 1):
        seconds = []
        for action in actions:
            start = time.perf_counter()
            action()
            seconds.append(time.perf_counter() - start)
        rounds.append(seconds)
    return rounds[1:]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--samples", type=int, default=400)
    options.add_argument("--length", type=int, default=64, help="tokens per sample")
    options.add_argument("--tokens", type=int, default=8192, help="tokens per training step")
    options.add_argument("--every", type=int, default=100, help="training steps per collection")
    options.add_argument("--repeats", type=int, default=9)
    args = options.parse_args()

    torch.manual_seed(0)
    config = OlmoeConfig(
        vocab_size=4096,
        eos_token_id=None,
        hidden_size=128,
        intermediate_size=128,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_experts=16,
        num_experts_per_tok=4,
    )
    model = OlmoeForCausalLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters())
    batch = torch.randint(0, 4096, (args.tokens // 256, 256))
    lists = torch.randint(0, 4096, (args.samples, args.length)).tolist()
    probe = ProbeSet([Sample(f"s{at}", "all", tuple(ids)) for at, ids in enumerate(lists)])
    folder = tempfile.TemporaryDirectory()
    collector = Collector(probe, folder.name, batch_size=32)

    def step():
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def forward():
        with torch.no_grad():
            model.eval()
            for places in collector.batches:
                default_forward(model, Batch.of(places, collector.tokens, torch.device("cpu")))
            model.train()

    steps = iter(range(10_000))
    rounds = timed([step, forward, lambda: collector.collect(model, next(steps))], args.repeats)
    per_step = statistics.median(whole / one for one, _, whole in rounds)
    per_forward = statistics.median(whole / bare for _, bare, whole in rounds)
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{parameters:.1f} M parameters, {torch.get_num_threads()} threads, {args.samples} x {args.length} tokens")
    print(f"collection / training step of {args.tokens} tokens: {per_step:.2f}")
    print(f"share of training time with one collection per {args.every} steps: {per_step / (args.every + per_step):.2%}")
    print(f"collection / bare forward passes of the samples: {per_forward:.2f}")


if __name__ == "__main__":
    main()

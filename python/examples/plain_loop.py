"""A training loop of your own in PyTorch: three lines."""

from grokscope import Collector


def train(model, optimizer, batches):
    collector = Collector("samples.jsonl", "traces/")
    collector.check(model)  # before the first step: are the routers found, is the folder this run's?
    for step, ids in enumerate(batches, 1):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            collector.collect(model, step, tokens=step * ids.numel())

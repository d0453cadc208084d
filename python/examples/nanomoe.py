"""nanoMoE: add these lines to its train.py. Its routers are found by their class; no option is needed."""

from grokscope import Collector

collector = Collector("samples.jsonl", "traces/", batch_size=1)  # experts drop no tokens of other samples


def save(raw_model, iter_num):
    """Beside `torch.save(checkpoint, …)`, with `raw_model`, not the compiled model."""
    collector.collect(raw_model, iter_num)

"""Megatron-Core: a trace after every checkpoint. All ranks call these functions."""

from grokscope.callbacks.megatron import megatron_collector


def collector_for(iteration):
    """After parallel_state is initialized; `iteration` is where training starts or goes on."""
    collector = megatron_collector("samples.jsonl", "traces/")
    collector.resume(iteration)
    return collector


def after_checkpoint(collector, model, iteration):
    """Beside `save_checkpoint(iteration, model, …)`; `model` is the list of chunks that Megatron keeps."""
    collector.collect(model, iteration)

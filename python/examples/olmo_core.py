"""OLMo-core: a trace after every checkpoint."""

from grokscope.callbacks.olmo_core import GrokscopeCallback


def with_traces(trainer_config):
    """Call this on the TrainerConfig of your training script, before `build`."""
    return trainer_config.with_callback("grokscope", GrokscopeCallback(samples="samples.jsonl", folder="traces/"))

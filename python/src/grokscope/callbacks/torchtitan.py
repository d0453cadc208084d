"""torchtitan: collects after each checkpoint that the trainer's checkpointer saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..batches import Batch
from ..collector import Collector
from ..errors import CollectionError
from ..samples import ProbeSet
from .recorder import Recorder


def watch(trainer: Any, samples: ProbeSet | str | Path, folder: str | Path, strict: bool = False, **options: Any) -> Recorder:
    """Makes a trainer collect after each saved checkpoint: `watch(trainer, "samples.jsonl", "traces/")` before `train()`.

    `options` are those of `Collector`. Training with pipeline stages needs `forward`, which runs the schedule.
    """
    parts = trainer.model_parts
    options.setdefault("forward", forward)
    if len(parts) > 1 and options["forward"] is forward:
        raise CollectionError(
            "The model is split into pipeline stages. Give `forward`, a function that runs the trainer's schedule on a batch "
            "and returns logits on the last stage and None on the others."
        )
    model = parts[0] if len(parts) == 1 else parts
    recorder = Recorder(Collector(samples, folder, **options), strict)
    checkpointer = trainer.checkpointer
    save, load = checkpointer.save, checkpointer.load

    def load_and_begin(*args: Any, **kwargs: Any) -> Any:
        loaded = load(*args, **kwargs)
        recorder.begin(model, trainer.step)
        return loaded

    def save_and_collect(step: int, last_step: bool = False) -> Any:
        # Versions before 0.3 return None; they are asked beforehand, since some count the checkpoints themselves.
        decide = getattr(checkpointer, "_should_save", None)
        expected = bool(decide(step, last_step)) if decide is not None else True
        saved = save(step, last_step=last_step)
        if saved if isinstance(saved, bool) else expected:
            recorder.checkpoint(model, step, getattr(trainer, "ntokens_seen", None) or None)
        return saved

    checkpointer.load, checkpointer.save = load_and_begin, save_and_collect
    return recorder


def forward(model: Any, batch: Batch) -> Any:
    """Runs a decoder; builds the mask where the attention needs one (Flex, Varlen)."""
    more = {}
    if _needs_mask(model):
        samples, width = batch.input_ids.shape
        positions = torch.arange(width, device=batch.input_ids.device).expand(samples, width)
        more = {"positions": positions, "attention_masks": model.get_attention_masks(positions=positions)}
    return model(batch.input_ids, **more)


def _needs_mask(model: Any) -> bool:
    attention = getattr(getattr(model, "config", None), "first_attention", None)
    name = type(getattr(attention, "inner_attention", None)).__qualname__
    return hasattr(model, "get_attention_masks") and ("FlexAttention" in name or "VarlenAttention" in name)

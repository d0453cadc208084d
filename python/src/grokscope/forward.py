"""Calls a model on a batch, in the form that its forward function has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .batches import Batch

#: Runs the model and returns logits [B, T, V], the losses of tokens [B, T], an object with one of them, or None.
Forward = Callable[[Any, Batch], Any]


def default_forward(model: Any, batch: Batch) -> Any:
    """Runs models of transformers, of OLMo-core and torchtitan (`model(input_ids)`), and nanoMoE's (`model(idx, targets)`)."""
    names = _parameters(model)
    if "attention_mask" in names:
        more = {"use_cache": False} if "use_cache" in names or "kwargs" in names else {}
        return model(input_ids=batch.input_ids, attention_mask=batch.mask.long(), **more)
    if names[:2] == ["idx", "targets"]:
        # Without targets, such models return the logits of the last position only.
        return model(batch.input_ids, batch.input_ids)
    return model(batch.input_ids)


def _parameters(model: Any) -> list[str]:
    inner = model
    while hasattr(inner, "_orig_mod") or hasattr(inner, "_fsdp_wrapped_module"):
        inner = getattr(inner, "_orig_mod", None) or inner._fsdp_wrapped_module
    try:
        return list(inspect.signature(inner.forward).parameters)
    except (TypeError, ValueError):
        return []

"""Runs a model without a trace in its training state."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

#: Seed during a collection, so that routers with noise give the same result at every call.
_SEED = 0


@contextlib.contextmanager
def training_state_untouched(models: Sequence[nn.Module]) -> Iterator[None]:
    """Runs its body in evaluation mode, without gradients and eagerly; then everything is as it was, after errors too.

    Kept are the mode of every module, the random number generators of Python, NumPy and torch on all devices, and the
    values of all buffers (counters of tokens per expert, for example).
    """
    modules = [module for model in models for module in model.modules()]
    modes = [module.training for module in modules]
    buffers = [
        (module, name, buffer, None if buffer is None or buffer.is_meta else buffer.detach().clone())
        for module in modules
        for name, buffer in module._buffers.items()
    ]
    # `module.compile()` leaves a compiled call in which hooks added later are not called.
    compiled = [getattr(module, "_compiled_call_impl", None) for module in modules]
    generators = _generators()
    try:
        for module in modules:
            module.training = False
            if getattr(module, "_compiled_call_impl", None) is not None:
                module._compiled_call_impl = None
        torch.manual_seed(_SEED)
        with torch.no_grad(), _eagerly():
            yield
    finally:
        for module, mode, call in zip(modules, modes, compiled, strict=True):
            module.training = mode
            if call is not None:
                module._compiled_call_impl = call
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer
                if buffer is not None and value is not None and not torch.equal(buffer, value):
                    buffer.copy_(value)
        _restore(generators)


def _eagerly() -> contextlib.AbstractContextManager[Any]:
    """Lets functions of torch.compile run as they are written, so that hooks are called."""
    stance = getattr(torch.compiler, "set_stance", None)
    return contextlib.nullcontext() if stance is None else stance("force_eager")


def _generators() -> dict[str, Any]:
    known: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.get_rng_state()}
    # Asking for the state of a GPU that is not in use would start it.
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        known["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        known["mps"] = torch.mps.get_rng_state()
    return known


def _restore(known: dict[str, Any]) -> None:
    random.setstate(known["python"])
    np.random.set_state(known["numpy"])
    torch.set_rng_state(known["cpu"])
    if "cuda" in known:
        torch.cuda.set_rng_state_all(known["cuda"])
    if "mps" in known:
        torch.mps.set_rng_state(known["mps"])

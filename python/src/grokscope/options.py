"""How a model is run and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .batches import Batch
from .forward import Forward, default_forward
from .routers import Chosen

#: Which token each row of a router's input is: "batch" for [B, T], "sequence" for [T, B], or a function of the batch, of
#: the rows that the router had before in this batch, and of the number of new rows, to places in the flattened [B, T].
Rows = str | Callable[[Batch, int, int], torch.Tensor]


@dataclass(frozen=True)
class Options:
    """How a model is run and read; see `Collector`."""

    routers: Chosen | None = None
    gate_kind: str | None = None
    forward: Forward = default_forward
    rows: Rows = "batch"
    #: Batches are padded to a multiple of this number of tokens.
    multiple: int = 1
    selected: bool = True
    router_weights: bool = True
    #: Computes gates in float64 (True) or compensated float32 (False); None for what the device has.
    float64: bool | None = None

"""Forward passes over samples, with hooks on the routers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .batches import Batch
from .errors import CollectionError
from .options import Options
from .ranks import Ranks
from .routers import Router, find_routers, kind_of, top_k_of
from .samples import Tokens
from .sums import Layer, Measured, RoutingSums
from .untouched import training_state_untouched


def parts_of(model: Any) -> list[nn.Module]:
    """The modules of a model: itself, or the chunks of a pipeline stage. DistributedDataParallel is taken off."""
    parts = list(model) if isinstance(model, (list, tuple)) else [model]
    return [part.module if isinstance(part, nn.parallel.DistributedDataParallel) else part for part in parts]


def measure(
    model: Any, tokens: Sequence[Tokens], batches: Sequence[list[int]], options: Options, ranks: Ranks | None = None,
    data_parallel: tuple[int, int] | None = None,
) -> Measured:  # fmt: skip
    """Runs the batches and returns gates, losses and selected experts of their samples.

    With `data_parallel` (index, count) this rank runs every `count`-th batch. All ranks must call this together.

    Raises GrokscopeError, on all ranks if on one.
    """
    ranks = ranks or Ranks()
    parts = parts_of(model)
    layers: list[Layer] = []
    sums: RoutingSums | None = None
    trouble: Exception | None = None
    found: list[Router] = []
    kind = ""
    with training_state_untouched(parts):
        try:
            found = find_routers(parts, options.routers, allow_none=ranks.count > 1)
            kind = kind_of(found, parts, options.gate_kind) if found else ""
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
        layers, kind, top_k = _shared(found, kind, top_k_of(found, parts), ranks)
        sums = RoutingSums(tokens, batches, layers, kind, top_k, options, _device(parts), found)
        try:
            forward_batches(model, sums, tokens, batches, data_parallel)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
    return sums.result(ranks)


def forward_batches(
    model: Any, sums: RoutingSums, tokens: Sequence[Tokens], batches: Sequence[list[int]], data_parallel: tuple[int, int] | None
) -> None:
    """Runs this rank's batches. Ranks run equal numbers of batches, since their models may wait for each other."""
    index, count = data_parallel or (0, 1)
    inner = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
    with sums.hooks():
        for number in range(0, len(batches), count):
            own = number + index
            places = batches[own] if own < len(batches) else batches[0]
            batch = Batch.of(places, tokens, sums.device, sums.options.multiple)
            with sums.recording(batch, counts=own < len(batches)):
                output = sums.options.forward(inner, batch)
                sums.add_losses(output, batch)


def _shared(found: list[Router], kind: str, top_k: int | None, ranks: Ranks) -> tuple[list[Layer], str, int | None]:
    """The layers of all ranks in order, the rule of their gates, and the experts per token."""
    own = [Layer(router.key, router.order, router.experts, router.name) for router in found]
    layers: dict[str, Layer] = {}
    kinds, top_ks = set(), set()
    for others, other_kind, other_k in ranks.gathered((own, kind, top_k)):
        layers.update({layer.key: layer for layer in others if layer.key not in layers})
        kinds |= {other_kind} - {""}
        top_ks |= {other_k} - {None}
    ordered = sorted(layers.values(), key=lambda layer: layer.order)
    sizes = {layer.experts for layer in ordered}
    if not ordered:
        raise CollectionError("No rank has a router. Give a mixture-of-experts model, or name its routers (`routers=`).")
    if len(sizes) > 1:
        each = ", ".join(f"{layer.name}: {layer.experts}" for layer in ordered)
        raise CollectionError(f"The routers have different numbers of experts ({each}). Name those to record (`routers=`).")
    if len(kinds) > 1:
        raise CollectionError("The routers score by different rules. Give gate_kind.")
    return ordered, kinds.pop(), top_ks.pop() if len(top_ks) == 1 else None


def _device(parts: Sequence[nn.Module]) -> torch.device:
    """Where a model's inputs go."""
    for part in parts:
        for parameter in part.parameters():
            return torch.device("cpu") if parameter.device.type == "meta" else parameter.device
    return torch.device("cpu")

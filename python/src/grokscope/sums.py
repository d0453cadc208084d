"""Hooks on routers that add up, per sample and layer, what they compute."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .accumulate import GateSums
from .batches import Batch
from .errors import CollectionError
from .gates import gates_of
from .losses import sums_of_losses
from .options import Options
from .ranks import Ranks
from .readers import Reading, plain
from .routers import Router
from .samples import Tokens
from .tensor_file import Array


@dataclass
class Measured:
    """What the forward passes gave, for the samples `places` of the probe set, in their order."""

    places: list[int]
    gates: Array
    gate_kind: str
    loss: Array
    n_tokens: Array
    topk_ids: Array | None
    router_weight: Array | None


@dataclass(frozen=True)
class Layer:
    """A MoE layer of the whole model, on whichever rank it is."""

    key: str
    order: tuple[Any, ...]
    experts: int
    name: str


class RoutingSums:
    """What the hooks add to, for the samples of some batches."""

    def __init__(
        self, tokens: Sequence[Tokens], batches: Sequence[list[int]], layers: list[Layer], kind: str, top_k: int | None,
        options: Options, device: torch.device, routers: list[Router],
    ) -> None:  # fmt: skip
        self.options, self.device, self.kind, self.top_k = options, device, kind, top_k
        self.layers, self.routers = layers, routers
        self.places = sorted(place for batch in batches for place in batch)
        self._row = {place: row for row, place in enumerate(self.places)}
        self._lengths = [len(tokens[place].ids) for place in self.places]
        samples, experts = len(self.places), layers[0].experts
        self._gates = GateSums(samples, len(layers), experts, device, options.float64)
        self._losses = torch.zeros(2, samples, dtype=torch.float64)
        self._starts = torch.tensor([0, *np.cumsum(self._lengths)], device=device)
        # Ids are stored plus 1; 0 is no id. None once a router does not tell what it selects.
        self._ids: torch.Tensor | None = None
        if options.selected and top_k:
            kind_of_ids = torch.int16 if experts < 2**15 - 1 else torch.int32
            self._ids = torch.zeros(sum(self._lengths), len(layers), top_k, dtype=kind_of_ids, device=device)
        self._dropped = torch.zeros((), dtype=torch.bool, device=device)
        self._weights: dict[int, torch.Tensor] = {}
        self._batch: Batch | None = None
        self._rows: torch.Tensor | None = None
        self._seen: dict[int, int] = {}

    @contextlib.contextmanager
    def hooks(self) -> Iterator[None]:
        """Hooks on all routers; they are removed at the end, after errors too."""
        index = {layer.key: at for at, layer in enumerate(self.layers)}
        handles = []
        try:
            for router in self.routers:
                hook = self._hook(router, index[router.key])
                handles.append(router.module.register_forward_hook(hook, with_kwargs=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextlib.contextmanager
    def recording(self, batch: Batch, counts: bool) -> Iterator[None]:
        """While a batch runs. A batch that does not count only keeps the ranks in step."""
        self._batch = batch if counts else None
        self._rows = torch.tensor([self._row[place] for place in batch.places], device=self.device)
        self._seen = {}
        try:
            yield
        finally:
            self._batch = None

    def _hook(self, router: Router, layer: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            batch = self._batch
            if batch is None:
                return
            hidden = next((one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor)), None)
            if hidden is None:
                raise CollectionError(f"{router.name} was called without a tensor. Name other routers (`routers=`).")
            width = router.weight.shape[-1] if router.weight is not None and router.weight.ndim == 2 else hidden.shape[-1]
            if hidden.shape[-1] != width:
                raise CollectionError(
                    f"{router.name} has a matrix of width {width}, but its input has the width {hidden.shape[-1]}. "
                    "Name other routers (`routers=`)."
                )
            with torch.autocast(hidden.device.type, enabled=False):
                reading = router.reader(module, hidden, output)
                self._add(router, layer, batch, reading)
            if self.options.router_weights and layer not in self._weights and router.weight is not None:
                self._keep_weight(router, layer, getattr(module, "weight", None))

        return hook

    def _add(self, router: Router, layer: int, batch: Batch, reading: Reading) -> None:
        assert self._rows is not None
        values = reading.values.to(self.device)
        flat = self._flat(router, layer, batch, len(values))
        valid = batch.mask.flatten()[flat]
        flat, values = flat[valid], values[valid]
        width = batch.mask.shape[1]
        of_row = flat // width
        self._gates.add(layer, self._rows, of_row, gates_of(values, self.kind, reading.are_scores))
        if self._ids is None or self.top_k is None:
            return
        selected = None if reading.selected is None else reading.selected.to(self.device)[valid]
        ids = self._selected(router, values, selected, self.top_k)
        if ids is None:
            self._ids = None
            return
        places = self._starts[self._rows[of_row]] + flat % width
        self._ids[places, layer] = (ids + 1).to(self._ids.dtype)

    def _flat(self, router: Router, layer: int, batch: Batch, count: int) -> torch.Tensor:
        """Places of a router's next rows in the flattened batch."""
        start = self._seen.get(layer, 0)
        self._seen[layer] = start + count
        samples, width = batch.mask.shape
        if start + count > samples * width:
            raise CollectionError(
                f"{router.name} was called for {start + count} tokens, but the batch has {samples} x {width}. Give `rows`, a "
                "function that says which token each row is, or name other routers (`routers=`)."
            )
        if callable(self.options.rows):
            return self.options.rows(batch, start, count).to(self.device)
        rows = torch.arange(start, start + count, device=self.device)
        return rows if self.options.rows == "batch" else rows % samples * width + rows // samples

    def _selected(self, router: Router, values: torch.Tensor, selected: torch.Tensor | None, top_k: int) -> torch.Tensor | None:
        """Selected experts [tokens, k], largest logit first; None where they are not known."""
        if selected is None:
            return values.topk(top_k).indices if router.by_rank else None
        if selected.dtype == torch.bool:
            self._dropped |= (selected.sum(1) != top_k).any()
            return values.masked_fill(~selected, -torch.inf).topk(top_k).indices
        if selected.shape[-1] != top_k:
            return None
        selected = selected.long()
        return selected.gather(-1, values.gather(-1, selected).argsort(dim=-1, descending=True, stable=True))

    def _keep_weight(self, router: Router, layer: int, now: Any) -> None:
        """Copies the router's matrix during the forward pass, while FSDP has it in one piece."""
        weight = now if isinstance(now, torch.Tensor) else router.weight
        assert weight is not None
        weight = plain(weight.detach())
        if weight.numel() and weight.numel() % router.experts == 0:
            self._weights[layer] = weight.float().reshape(router.experts, -1).clone()

    def add_losses(self, output: Any, batch: Batch) -> None:
        """Adds the losses of a batch."""
        if self._batch is None or self._rows is None:
            return
        sums = sums_of_losses(output, batch)
        if sums is not None:
            rows = self._rows.cpu()
            self._losses[0, rows] += sums[0].cpu()
            self._losses[1, rows] += sums[1].cpu()

    def result(self, ranks: Ranks) -> Measured:
        """The means over all ranks."""
        # A rank that holds the same tokens as another one adds to sums and counts alike, so means stay the same.
        gates, counts, losses = ranks.sum([*self._gates.totals(), self._losses])
        gates, counts, losses = gates.cpu(), counts.cpu(), losses.cpu()
        self._check_counts(counts)
        ids = self._shared_ids(ranks)
        weight = self._shared_weights(ranks)
        return Measured(
            places=self.places,
            gates=(gates / counts[:, :, None]).float().numpy(),
            gate_kind=self.kind,
            loss=(losses[0] / losses[1]).float().numpy(),
            n_tokens=np.array(self._lengths, dtype=np.int32),
            topk_ids=ids,
            router_weight=weight,
        )

    def _check_counts(self, counts: torch.Tensor) -> None:
        lengths = torch.tensor(self._lengths, dtype=torch.float64)[:, None]
        wrong = ((counts % lengths != 0) | (counts == 0)).nonzero()
        if len(wrong):
            sample, layer = (int(one) for one in wrong[0])
            raise CollectionError(
                f"{self.layers[layer].name} saw {int(counts[sample, layer])} tokens of a sample of {self._lengths[sample]} "
                "tokens. Give `rows`, which says which token each row of a router is, or a batch size of 1."
            )

    def _shared_ids(self, ranks: Ranks) -> Array | None:
        own = self._ids is not None and not bool(self._dropped)
        if not all(ranks.gathered(own)) or self._ids is None:
            return None
        ids = ranks.largest(self._ids.int()).cpu()
        return None if bool((ids == 0).any()) else (ids - 1).numpy()

    def _shared_weights(self, ranks: Ranks) -> Array | None:
        shapes = ranks.gathered({layer: tuple(weight.shape) for layer, weight in self._weights.items()})
        matrices = []
        for layer in range(len(self.layers)):
            owner = next((rank for rank, known in enumerate(shapes) if layer in known), None)
            if owner is None:
                return None
            own = self._weights[layer] if owner == ranks.rank else torch.zeros(shapes[owner][layer])
            matrices.append(ranks.sum([own])[0].float().cpu().numpy())
        return np.stack(matrices) if len({matrix.shape for matrix in matrices}) == 1 else None

"""Forward passes over samples, with hooks on the routers."""

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
from .forward import Forward, default_forward
from .gates import gates_of
from .losses import sums_of_losses
from .ranks import Ranks
from .routers import Chosen, Reading, Router, find_routers, kind_of, plain, top_k_of
from .samples import Tokens
from .tensor_file import Array
from .untouched import training_state_untouched

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
    layers: list[_Layer] = []
    sums: _Sums | None = None
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
        sums = _Sums(tokens, batches, layers, kind, top_k, options, _device(parts), found)
        try:
            forward_batches(model, sums, tokens, batches, data_parallel)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
    return sums.result(ranks)


def forward_batches(
    model: Any, sums: _Sums, tokens: Sequence[Tokens], batches: Sequence[list[int]], data_parallel: tuple[int, int] | None
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


@dataclass(frozen=True)
class _Layer:
    """A MoE layer of the whole model, on whichever rank it is."""

    key: str
    order: tuple[Any, ...]
    experts: int
    name: str


def _shared(found: list[Router], kind: str, top_k: int | None, ranks: Ranks) -> tuple[list[_Layer], str, int | None]:
    """The layers of all ranks in order, the rule of their gates, and the experts per token."""
    own = [_Layer(router.key, router.order, router.experts, router.name) for router in found]
    layers: dict[str, _Layer] = {}
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


class _Sums:
    """What the hooks add to, for the samples of some batches."""

    def __init__(
        self, tokens: Sequence[Tokens], batches: Sequence[list[int]], layers: list[_Layer], kind: str, top_k: int | None,
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


def _device(parts: Sequence[nn.Module]) -> torch.device:
    """Where a model's inputs go."""
    for part in parts:
        for parameter in part.parameters():
            return torch.device("cpu") if parameter.device.type == "meta" else parameter.device
    return torch.device("cpu")

"""How samples are arranged into batches. The plan depends on the samples alone, not on ranks or shards, so that
the same sample is always computed together with the same others and gives the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .samples import NO_TARGET, Tokens

if TYPE_CHECKING:
    import torch


def plan(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Places of the samples of each batch: samples sorted by length, so that little is padded."""
    if batch_size < 1:
        raise ValueError(f"the batch size is {batch_size}; give at least 1")
    order = sorted(range(len(lengths)), key=lambda place: (lengths[place], place))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def share(batches: Sequence[list[int]], index: int, count: int) -> list[list[int]]:
    """The batches of one of `count` workers: every `count`-th, from `index` on."""
    return list(batches[index::count])


@dataclass(frozen=True)
class Batch:
    """Samples that run together, padded on the right, where causal attention does not see the padding."""

    #: Places of the samples in the probe set, [B].
    places: list[int]
    #: Token ids, [B, T]; 0 in the padding.
    input_ids: torch.Tensor
    #: Whether a position has a token, [B, T].
    mask: torch.Tensor
    #: Token to predict at each position, or -100, [B, T].
    targets: torch.Tensor

    @staticmethod
    def of(places: list[int], tokens: Sequence[Tokens], device: torch.device, multiple: int = 1) -> Batch:
        """Pads samples to one length, which is a multiple of `multiple`."""
        import torch

        chosen = [tokens[place] for place in places]
        width = max(len(one.ids) for one in chosen)
        width += -width % multiple

        def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
            return torch.tensor([[*row, *([value] * (width - len(row)))] for row in rows], device=device)

        return Batch(
            places=places,
            input_ids=padded([one.ids for one in chosen], 0),
            mask=padded([[1] * len(one.ids) for one in chosen], 0).bool(),
            targets=padded([one.targets for one in chosen], NO_TARGET),
        )

"""Brings together what the ranks of a distributed training hold: one reduction for all gates and losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .errors import CollectionError


class Ranks:
    """The ranks that take part; a single one without torch.distributed."""

    def __init__(self, group: Any = None) -> None:
        self.group = group
        active = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.count = torch.distributed.get_world_size(group) if active else 1
        self.rank = torch.distributed.get_rank(group) if active else 0

    @property
    def is_first(self) -> bool:
        """Whether this rank writes files."""
        return self.rank == 0

    def gathered(self, value: Any) -> list[Any]:
        """The small values of all ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(values, value, group=self.group)
        return values

    def agree(self, error: Exception | None) -> None:
        """Raises on every rank if one of them has an error; otherwise one rank would wait for the others forever."""
        if self.count == 1:
            if error is not None:
                raise error
            return
        errors = self.gathered(None if error is None else (type(error), str(error)))
        for rank, known in enumerate(errors):
            if known is not None:
                if error is not None:
                    raise error
                kind, text = known
                raise _again(kind, f"rank {rank}: {text}")

    def sum(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Sums float64 tensors over all ranks, in one reduction."""
        if self.count == 1:
            return list(tensors)
        device = self.device
        flat = torch.cat([tensor.reshape(-1).to(device=device, dtype=torch.float64) for tensor in tensors])
        torch.distributed.all_reduce(flat, group=self.group)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def largest(self, tensor: torch.Tensor) -> torch.Tensor:
        """The largest values over all ranks, element by element."""
        if self.count == 1:
            return tensor
        shared = tensor.to(self.device).contiguous()
        torch.distributed.all_reduce(shared, op=torch.distributed.ReduceOp.MAX, group=self.group)
        return shared

    @property
    def device(self) -> torch.device:
        """Where the backend can communicate."""
        backend = str(torch.distributed.get_backend(self.group))
        return torch.device("cuda", torch.cuda.current_device()) if "nccl" in backend else torch.device("cpu")


def _again(kind: type[Exception], text: str) -> Exception:
    try:
        return kind(text)
    except TypeError:
        return CollectionError(text)

"""Loss of each sample, from what a model's forward pass returns."""

from __future__ import annotations

from typing import Any

import torch

from .batches import Batch
from .errors import CollectionError
from .readers import plain
from .samples import NO_TARGET


def logits_of(output: Any) -> torch.Tensor | None:
    """The logits [B, T, V] or token losses [B, T] in a model's output: `.logits`, a tensor, or the first of a tuple."""
    logits = getattr(output, "logits", None)
    if isinstance(logits, torch.Tensor):
        return plain(logits)
    if isinstance(output, torch.Tensor):
        return plain(output)
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], torch.Tensor):
        return plain(output[0])
    return None


def sums_of_losses(output: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Sum of the losses of each sample's counted tokens, and their number, [B] in float64 each.

    None if the output has no logits, as on the first stages of a pipeline.
    """
    logits = logits_of(output)
    if logits is None:
        return None
    shape = tuple(batch.targets.shape)
    if logits.ndim < 2 or tuple(logits.shape[:2]) != shape:
        raise CollectionError(
            f"the model returned a tensor of shape {list(logits.shape)} for token ids of shape {list(shape)}. Give `forward`, a "
            "function of model and batch that returns logits [batch, tokens, vocabulary] or the losses [batch, tokens]."
        )
    largest = int(batch.targets.max())
    if logits.ndim == 3 and largest >= logits.shape[-1]:
        raise CollectionError(
            f"a sample has the target {largest}, but the model has {logits.shape[-1]} outputs. Make the samples with the "
            "tokenizer of this model."
        )
    # Per sample: the logits of a batch in float32 can be several GB.
    rows = [_losses(row, targets) for row, targets in zip(logits, batch.targets, strict=True)]
    counted = batch.targets != NO_TARGET
    device = "cpu" if logits.device.type == "mps" else logits.device
    sums = torch.stack(
        [row.to(device=device, dtype=torch.float64)[mask.to(device)].sum() for row, mask in zip(rows, counted, strict=True)]
    )
    return sums, counted.sum(1).to(device=device, dtype=torch.float64)


def _losses(row: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Losses of one sample's tokens, [T]; `row` has logits [T, V] or losses [T]."""
    if row.ndim == 1:
        return row.float()
    known = targets.clamp_min(0)
    return torch.nn.functional.cross_entropy(row.float(), known, reduction="none")

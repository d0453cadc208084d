"""Megatron-Core: a collector for a GPTModel, or for the chunks of a pipeline stage."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..batches import Batch
from ..collector import Collector
from ..samples import ProbeSet


def megatron_collector(samples: ProbeSet | str | Path, folder: str | Path, **options: Any) -> Collector:
    """A collector for models of Megatron-Core; call `collect(model, iteration)` on all ranks after `save_checkpoint`.

    Hidden states are [tokens, batch, width] there, and with sequence parallelism each tensor-parallel rank has a part
    of the tokens. Context parallelism is not supported.
    """
    from megatron.core import parallel_state

    tensor_size = parallel_state.get_tensor_model_parallel_world_size()
    tensor_rank = parallel_state.get_tensor_model_parallel_rank()
    options.setdefault("rows", partial(rows, tensor_rank, tensor_size))
    options.setdefault("multiple", tensor_size)
    options.setdefault("forward", forward)
    return Collector(samples, folder, **options)


def rows(rank: int, size: int, batch: Batch, start: int, count: int) -> torch.Tensor:
    """Places in the flattened [B, T] of a router's rows, which are [T, B], or one of `size` parts of them."""
    samples, width = batch.mask.shape
    # Without sequence parallelism every rank has all rows. A router gets its rows in one call.
    first = rank * (width // size) * samples if count == samples * width // size else 0
    row = torch.arange(first + start, first + start + count)
    return row % samples * width + row // samples


def forward(model: Any, batch: Batch) -> Any:
    """Losses of tokens [B, T]; None on pipeline stages other than the last."""
    from megatron.core import parallel_state

    if parallel_state.get_pipeline_model_parallel_world_size() == 1:
        return _losses(model[0] if isinstance(model, (list, tuple)) else model, batch)
    from megatron.core.pipeline_parallel import get_forward_backward_func

    def step(_: Any, chunk: Any) -> Any:
        return _losses(chunk, batch), lambda losses: (losses.sum(), {"losses": losses})

    samples, width = batch.input_ids.shape
    results = get_forward_backward_func()(
        forward_step_func=step, data_iterator=None, model=model, num_microbatches=1, seq_length=width,
        micro_batch_size=samples, forward_only=True,
    )  # fmt: skip
    return results[0]["losses"] if results else None


def _losses(model: Any, batch: Batch) -> Any:
    samples, width = batch.input_ids.shape
    positions = torch.arange(width, device=batch.input_ids.device).expand(samples, width)
    return model(batch.input_ids, positions, None, labels=batch.targets.clamp_min(0))

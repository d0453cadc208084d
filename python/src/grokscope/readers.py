"""Reads what a router computed in one call: logits or scores over all experts, and the selected experts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Reading:
    """What one call of a router gave for its tokens, flattened in their memory order."""

    #: Logits or scores over all experts, [tokens, E].
    values: torch.Tensor
    #: Selected experts, [tokens, k] ids or [tokens, E] booleans; None if the router does not return them.
    selected: torch.Tensor | None = None
    #: Whether `values` are scores already, not logits.
    are_scores: bool = False


#: Module, its first input and its output to a reading.
Reader = Callable[[nn.Module, torch.Tensor, Any], Reading]


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """The whole tensor on this rank, if it is distributed. Then all ranks must call this together."""
    full = getattr(tensor, "full_tensor", None)
    return full() if callable(full) else tensor


def rows_of(tensor: torch.Tensor) -> torch.Tensor:
    """All axes but the last flattened."""
    tensor = plain(tensor)
    return tensor.reshape(-1, tensor.shape[-1])


def read_matrix(module: nn.Module, hidden: torch.Tensor, output: Any) -> Reading:
    """Logits as matrix times input in float32; selected experts from outputs of the form (…, …, ids)."""
    weight, bias = matrix_of(module)
    assert weight is not None
    rows = rows_of(hidden)
    bias = None if bias is None else plain(bias).float()
    values = nn.functional.linear(rows.float(), plain(weight).float(), bias)
    return Reading(values, _ids_in(output))


def read_olmo_core(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    values = module.get_expert_logits(plain(hidden).float()).float()
    ids = output[1] if isinstance(output, tuple) and len(output) > 1 else None
    return Reading(rows_of(values), rows_of(ids) if isinstance(ids, torch.Tensor) else None)


def read_torchtitan(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """torchtitan's router returns weights, ids and, since 0.3, the scores over all experts."""
    ids = rows_of(output[1])
    last = output[-1]
    if last.ndim == output[0].ndim and last.shape[-1] == module.num_experts and last.is_floating_point():
        return Reading(rows_of(last), ids, are_scores=True)
    return Reading(read_matrix(module.gate, hidden, None).values, ids)


def read_megatron(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """Megatron's router returns probabilities of the selected experts only, and a map of which these are."""
    return Reading(rows_of(module.gating(hidden)), rows_of(output[1]))


def read_nanomoe(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """nanoMoE's router returns weights and ranks after experts dropped tokens, not what it selected."""
    return Reading(read_matrix(module.w_g, hidden, None).values)


def _ids_in(output: Any) -> torch.Tensor | None:
    """Selected experts in the output of a router of transformers: logits, weights and ids."""
    if isinstance(output, tuple) and len(output) == 3 and isinstance(output[2], torch.Tensor):
        ids = output[2]
        return None if ids.is_floating_point() or ids.dtype == torch.bool or ids.ndim < 2 else rows_of(ids)
    return None


def matrix_of(module: nn.Module) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Matrix and bias of a router: its own, or those of its linear layer."""
    for part in (module, *(getattr(module, name, None) for name in ("w_g", "gate", "layer", "wg", "linear", "classifier"))):
        weight = getattr(part, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim == 2:
            bias = getattr(part, "bias", None)
            return weight, bias if isinstance(bias, torch.Tensor) and bias.shape == weight.shape[:1] else None
    return None, None

"""Finds the routers of a model.

Routers are recognized by their class
(OLMo-core, torchtitan, Megatron-Core, nanoMoE) or by their name and their matrix (transformers), or named by the user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .candidates import candidates, not_found
from .errors import RoutersNotFound
from .gates import kind_of_config, kind_of_score
from .names import clean
from .readers import Reader, matrix_of, read_matrix, read_megatron, read_nanomoe, read_olmo_core, read_torchtitan

#: Routers as the user names them: a pattern for names, the names, or a function of name and module.
Chosen = str | Iterable[str] | Callable[[str, nn.Module], bool]


@dataclass(frozen=True)
class Router:
    """One router of a model."""

    #: Name without wrappers, equal on all ranks.
    name: str
    module: nn.Module
    reader: Reader
    #: The matrix, [E, width], or flattened; None if there is none.
    weight: torch.Tensor | None
    #: Number of experts.
    experts: int
    #: Experts per token, if the router states it.
    top_k: int | None
    #: The rule of the gates, if the router states it.
    kind: str | None
    #: Whether the selected experts are those with the largest logits.
    by_rank: bool
    #: Number of the layer across pipeline stages, if the router states it.
    layer: int | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        """What routers are sorted by."""
        return ("mtp" in self.name, self.layer, ()) if self.layer is not None else (False, 0, _natural(self.name))

    @property
    def key(self) -> str:
        """Names the layer on every rank."""
        return f"layer {self.layer}{' mtp' if 'mtp' in self.name else ''}" if self.layer is not None else self.name


def find_routers(models: Sequence[nn.Module], chosen: Chosen | None = None, allow_none: bool = False) -> list[Router]:
    """The routers of a model (or of its parts on this rank), first layer first.

    Raises RoutersNotFound with the modules that could be routers. With `allow_none` the list may be empty, for a stage
    of a pipeline that has no MoE layer.
    """
    found = []
    for model in models:
        selects = _selects(chosen)
        biased = _is_biased(model)
        parents = dict(model.named_modules())
        for raw, module in parents.items():
            name = clean(raw)
            if selects is not None:
                if selects(name, module):
                    found.append(_recognized(name, module) or _linear(name, module, biased, model))
            else:
                router = _recognized(name, module)
                if router is None and _looks_like_router(name, module, parents.get(raw.rpartition(".")[0])):
                    router = _linear(name, module, biased, model)
                if router is not None:
                    found.append(router)
    # A router that contains another recognized module (a linear layer named `gate`) is found once, as the outer one.
    outer = {router.name for router in found}
    found = [one for one in found if not any(one.name.startswith(f"{name}.") for name in outer)]
    if not found and not allow_none:
        raise RoutersNotFound(not_found(models, chosen))
    return sorted(found, key=lambda router: router.order)


def kind_of(routers: Sequence[Router], models: Sequence[nn.Module], given: str | None) -> str:
    """The rule of the gates: given by the user, stated by the routers, or known of the family.

    Raises GateRuleUnknown.
    """
    stated = {router.kind for router in routers} - {None}
    if given is None and len(stated) == 1:
        return str(stated.pop())
    config = getattr(models[0] if models else None, "config", None)
    text = getattr(config, "get_text_config", None)
    return kind_of_config(text() if callable(text) else config, given)


def top_k_of(routers: Sequence[Router], models: Sequence[nn.Module]) -> int | None:
    """Experts per token, from the routers or from the configuration; None if neither states it."""
    for router in routers:
        if router.top_k is not None:
            return router.top_k
    config = getattr(models[0] if models else None, "config", None)
    text = getattr(config, "get_text_config", None)
    config = text() if callable(text) else config
    for name in ("num_experts_per_tok", "moe_topk", "moe_router_topk", "top_k", "num_experts_per_token"):
        value = getattr(config, name, None)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _recognized(name: str, module: nn.Module) -> Router | None:
    """A router of a framework, by the names of its classes, so that no framework is imported."""
    known: Any = module
    classes = {one.__name__ for one in type(module).__mro__}
    if classes & {"MoERouter", "MoERouterV2"} and hasattr(module, "get_expert_logits"):
        if "shared" in name.rpartition(".")[2]:
            return None  # OLMo-core mixes shared experts by scores of a router of their own, which selects nothing.
        kind = kind_of_score(known.gating_function)
        return Router(
            name, module, read_olmo_core, getattr(module, "weight", None), known.num_experts, known.top_k, kind,
            getattr(known, "bias_gamma", None) is None,
        )  # fmt: skip
    if "TokenChoiceTopKRouter" in classes and hasattr(module, "gate"):
        kind = kind_of_score(known.score_func)
        return Router(name, module, read_torchtitan, known.gate.weight, known.num_experts, known.top_k, kind, False)
    if "TopKRouter" in classes and hasattr(module, "gating"):
        kind = kind_of_score(known.score_function)
        return Router(
            name, module, read_megatron, known.weight, known.config.num_moe_experts, known.topk, kind, False,
            getattr(known, "layer_number", None),
        )  # fmt: skip
    if "Router" in classes and isinstance(getattr(module, "w_g", None), nn.Linear):
        weight: torch.Tensor = known.w_g.weight
        # nanoMoE: softmax over the selected experts. Noise is not part of the gates, but of what is selected.
        by_rank = not getattr(module, "use_noisy_top_k", False)
        return Router(name, module, read_nanomoe, weight, weight.shape[0], known.top_k, kind_of_score("softmax"), by_rank)
    return None


def _linear(name: str, module: nn.Module, biased: bool, model: nn.Module) -> Router:
    """A router with a matrix of its own, or a module that the user named."""
    weight, _ = matrix_of(module)
    if weight is None:
        raise RoutersNotFound(f"{name} ({type(module).__name__}) has no matrix [experts, width]. {candidates([model])}")
    top_k = getattr(module, "top_k", None)
    return Router(
        name, module, read_matrix, weight, int(weight.shape[0]), top_k if isinstance(top_k, int) else None, None, not biased
    )


def _looks_like_router(name: str, module: nn.Module, parent: nn.Module | None) -> bool:
    """Whether a module has a router's name and a matrix, and its parent has experts."""
    if not re.search(r"(^|\.)(gate|router)$", name) or parent is None:
        return False
    weight, _ = matrix_of(module)
    if weight is None or weight.shape[0] < 2:
        return False
    names = {part.lower() for part, _ in parent.named_children()}
    around = type(parent).__name__.lower()
    return any("expert" in part for part in names) or "moe" in around or "sparse" in around or "mixture" in around


def _is_biased(model: nn.Module) -> bool:
    """Whether correction biases or groups of experts also decide what is selected."""
    names = [name for name, _ in [*model.named_parameters(), *model.named_buffers()]]
    config = getattr(model, "config", None)
    text = getattr(config, "get_text_config", None)
    groups = getattr(text() if callable(text) else config, "n_group", None) or 1
    return groups > 1 or any("correction_bias" in name or "expert_bias" in name for name in names)


def _selects(chosen: Chosen | None) -> Callable[[str, nn.Module], bool] | None:
    if chosen is None:
        return None
    if isinstance(chosen, str):
        pattern = re.compile(chosen)
        return lambda name, _: pattern.search(name) is not None
    if callable(chosen):
        return chosen
    names = set(chosen)
    return lambda name, _: name in names


def _natural(name: str) -> tuple[Any, ...]:
    """Numbers in a name are compared as numbers."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in name.split("."))

"""Finds the routers of a model and reads what they compute.

A *reader* turns one call of a router into logits (or scores) over all experts. Routers are recognized by their class
(OLMo-core, torchtitan, Megatron-Core, nanoMoE) or by their name and their matrix (transformers), or named by the user.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .errors import RoutersNotFound
from .gates import kind_of_config, kind_of_score


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
        raise RoutersNotFound(_not_found(models, chosen))
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


def clean(name: str) -> str:
    """A module's name without the parts that torch.compile, FSDP and activation checkpointing add."""
    added = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
    return ".".join(part for part in name.split(".") if part not in added)


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """The whole tensor on this rank, if it is distributed. Then all ranks must call this together."""
    full = getattr(tensor, "full_tensor", None)
    return full() if callable(full) else tensor


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    """All axes but the last flattened."""
    tensor = plain(tensor)
    return tensor.reshape(-1, tensor.shape[-1])


# Readers.


def _read_matrix(module: nn.Module, hidden: torch.Tensor, output: Any) -> Reading:
    """Logits as matrix times input in float32; selected experts from outputs of the form (…, …, ids)."""
    weight, bias = _matrix(module)
    assert weight is not None
    rows = _rows(hidden)
    bias = None if bias is None else plain(bias).float()
    values = nn.functional.linear(rows.float(), plain(weight).float(), bias)
    return Reading(values, _ids_in(output))


def _read_olmo_core(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    values = module.get_expert_logits(plain(hidden).float()).float()
    ids = output[1] if isinstance(output, tuple) and len(output) > 1 else None
    return Reading(_rows(values), _rows(ids) if isinstance(ids, torch.Tensor) else None)


def _read_torchtitan(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """torchtitan's router returns weights, ids and, since 0.3, the scores over all experts."""
    ids = _rows(output[1])
    last = output[-1]
    if last.ndim == output[0].ndim and last.shape[-1] == module.num_experts and last.is_floating_point():
        return Reading(_rows(last), ids, are_scores=True)
    return Reading(_read_matrix(module.gate, hidden, None).values, ids)


def _read_megatron(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """Megatron's router returns probabilities of the selected experts only, and a map of which these are."""
    return Reading(_rows(module.gating(hidden)), _rows(output[1]))


def _read_nanomoe(module: Any, hidden: torch.Tensor, output: Any) -> Reading:
    """nanoMoE's router returns weights and ranks after experts dropped tokens, not what it selected."""
    return Reading(_read_matrix(module.w_g, hidden, None).values)


def _ids_in(output: Any) -> torch.Tensor | None:
    """Selected experts in the output of a router of transformers: logits, weights and ids."""
    if isinstance(output, tuple) and len(output) == 3 and isinstance(output[2], torch.Tensor):
        ids = output[2]
        return None if ids.is_floating_point() or ids.dtype == torch.bool or ids.ndim < 2 else _rows(ids)
    return None


# Recognition.


def _recognized(name: str, module: nn.Module) -> Router | None:
    """A router of a framework, by the names of its classes, so that no framework is imported."""
    known: Any = module
    classes = {one.__name__ for one in type(module).__mro__}
    if classes & {"MoERouter", "MoERouterV2"} and hasattr(module, "get_expert_logits"):
        if "shared" in name.rpartition(".")[2]:
            return None  # OLMo-core mixes shared experts by scores of a router of their own, which selects nothing.
        kind = kind_of_score(known.gating_function)
        return Router(
            name, module, _read_olmo_core, getattr(module, "weight", None), known.num_experts, known.top_k, kind,
            getattr(known, "bias_gamma", None) is None,
        )  # fmt: skip
    if "TokenChoiceTopKRouter" in classes and hasattr(module, "gate"):
        kind = kind_of_score(known.score_func)
        return Router(name, module, _read_torchtitan, known.gate.weight, known.num_experts, known.top_k, kind, False)
    if "TopKRouter" in classes and hasattr(module, "gating"):
        kind = kind_of_score(known.score_function)
        return Router(
            name, module, _read_megatron, known.weight, known.config.num_moe_experts, known.topk, kind, False,
            getattr(known, "layer_number", None),
        )  # fmt: skip
    if "Router" in classes and isinstance(getattr(module, "w_g", None), nn.Linear):
        weight: torch.Tensor = known.w_g.weight
        # nanoMoE: softmax over the selected experts. Noise is not part of the gates, but of what is selected.
        by_rank = not getattr(module, "use_noisy_top_k", False)
        return Router(name, module, _read_nanomoe, weight, weight.shape[0], known.top_k, kind_of_score("softmax"), by_rank)
    return None


def _linear(name: str, module: nn.Module, biased: bool, model: nn.Module) -> Router:
    """A router with a matrix of its own, or a module that the user named."""
    weight, _ = _matrix(module)
    if weight is None:
        raise RoutersNotFound(f"{name} ({type(module).__name__}) has no matrix [experts, width]. {_candidates([model])}")
    top_k = getattr(module, "top_k", None)
    return Router(
        name, module, _read_matrix, weight, int(weight.shape[0]), top_k if isinstance(top_k, int) else None, None, not biased
    )


def _matrix(module: nn.Module) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Matrix and bias of a router: its own, or those of its linear layer."""
    for part in (module, *(getattr(module, name, None) for name in ("w_g", "gate", "layer", "wg", "linear", "classifier"))):
        weight = getattr(part, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim == 2:
            bias = getattr(part, "bias", None)
            return weight, bias if isinstance(bias, torch.Tensor) and bias.shape == weight.shape[:1] else None
    return None, None


def _looks_like_router(name: str, module: nn.Module, parent: nn.Module | None) -> bool:
    """Whether a module has a router's name and a matrix, and its parent has experts."""
    if not re.search(r"(^|\.)(gate|router)$", name) or parent is None:
        return False
    weight, _ = _matrix(module)
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


def _not_found(models: Sequence[nn.Module], chosen: Chosen | None) -> str:
    if isinstance(chosen, str):
        start = f"no module's name matches {chosen!r}."
    elif chosen is not None:
        start = "no module is one of the routers that were named."
    else:
        start = f"no routers were found in {', '.join(type(model).__name__ for model in models)}."
    return f"{start} {_candidates(models)}"


def _candidates(models: Sequence[nn.Module]) -> str:
    """The modules that could be routers, one line per form of name."""
    forms: Counter[tuple[str, str, int, int]] = Counter()
    for model in models:
        for raw, module in model.named_modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, torch.Tensor) and weight.ndim == 2 and 2 <= weight.shape[0] <= weight.shape[1]:
                form = re.sub(r"(?<=\.)\d+(?=\.|$)", "*", clean(raw))
                forms[(form, type(module).__name__, int(weight.shape[1]), int(weight.shape[0]))] += 1
    if not forms:
        return "It has no module with a matrix [experts, width]. Give a mixture-of-experts model."

    def likely(entry: tuple[tuple[str, str, int, int], int]) -> tuple[bool, int, str]:
        (form, _, _, outputs), _ = entry
        return (re.search(r"gate|rout|switch|w_?g\b|expert", form) is None, outputs, form)

    lines = [
        f"  {form} ({kind}, {width} to {outputs}), {count} times"
        for (form, kind, width, outputs), count in sorted(forms.items(), key=likely)[:12]
    ]
    return (
        "Give --router (`routers=`), a regular expression for their names. Modules that could be routers, with a matrix "
        "[experts, width]:\n" + "\n".join(lines)
    )


def _natural(name: str) -> tuple[Any, ...]:
    """Numbers in a name are compared as numbers."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in name.split("."))

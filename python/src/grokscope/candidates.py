"""What to say when no router was found: the modules that could be routers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .names import clean


def not_found(models: Sequence[nn.Module], chosen: Any) -> str:
    if isinstance(chosen, str):
        start = f"no module's name matches {chosen!r}."
    elif chosen is not None:
        start = "no module is one of the routers that were named."
    else:
        start = f"no routers were found in {', '.join(type(model).__name__ for model in models)}."
    return f"{start} {candidates(models)}"


def candidates(models: Sequence[nn.Module]) -> str:
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

"""A trace: what is recorded of one checkpoint. docs/traces.md describes the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import safe_open

from . import tensor_file
from .errors import CollectionError
from .tensor_file import Array

#: Value of the metadata `format`.
FORMAT = "grokscope.trace"


@dataclass
class Trace:
    """Tensors and metadata of one checkpoint. S samples, L MoE layers, E experts per layer."""

    step: int
    #: Mean gates, [S, L, E].
    gates: Array
    #: The rule that made the gates of router logits, as in docs/traces.md#gate_kind.
    gate_kind: str
    #: Name and domain of each sample.
    samples: list[dict[str, str]]
    #: Mean loss of each sample, nats, [S]; NaN where unknown.
    loss: Array | None = None
    #: Tokens of each sample, [S].
    n_tokens: Array | None = None
    #: Selected experts of every token, samples concatenated, [tokens, L, k].
    topk_ids: Array | None = None
    #: Router matrices, [L, E, width].
    router_weight: Array | None = None
    #: Hash of the probe set.
    probe: str | None = None
    model: str = ""
    #: Training tokens seen at the step.
    tokens: int | None = None
    #: Further metadata.
    extra: dict[str, str] = field(default_factory=dict)

    def tensors(self, half_gates: bool = False) -> dict[str, Array]:
        """The tensors of the file, in the types that it stores.

        Raises CollectionError if shapes do not fit together.
        """
        if self.gates.ndim != 3 or len(self.samples) != len(self.gates):
            raise CollectionError(
                f"gates have the shape {list(self.gates.shape)} for {len(self.samples)} samples; expected "
                "[samples, layers, experts]."
            )
        count, layers, experts = self.gates.shape
        found: dict[str, Array] = {"gates": self.gates.astype(np.float16 if half_gates else np.float32)}
        if self.loss is not None:
            found["loss"] = self.loss.astype(np.float32)
        if self.n_tokens is not None:
            found["n_tokens"] = self.n_tokens.astype(np.int32)
        if self.topk_ids is not None and self.n_tokens is not None:
            found["topk_ids"] = self.topk_ids.astype(np.uint8 if experts <= 256 else np.uint16)
            found["offsets"] = np.concatenate([[0], np.cumsum(self.n_tokens)]).astype(np.int64)
        if self.router_weight is not None:
            found["router_weight"] = self.router_weight.astype(np.float32)
        wanted: dict[str, tuple[int, ...]] = {"loss": (count,), "n_tokens": (count,), "offsets": (count + 1,)}
        for name, shape in wanted.items():
            if name in found and found[name].shape != shape:
                raise CollectionError(f"{name} has the shape {list(found[name].shape)}; expected {list(shape)}.")
        for name, shape in {"topk_ids": (layers,), "router_weight": (experts,)}.items():
            if name in found and found[name].shape[1:2] != shape:
                raise CollectionError(f"{name} has the shape {list(found[name].shape)}, which does not fit the gates.")
        return found

    def metadata(self) -> dict[str, str]:
        """The metadata of the file."""
        known = {
            "format": FORMAT,
            "version": "1",
            "gate_kind": self.gate_kind,
            "model": self.model,
            "step": str(self.step),
            "layers_experts": "x".join(map(str, self.gates.shape[1:])),
            "samples": json.dumps(self.samples),
        }
        if self.tokens is not None:
            known["tokens"] = str(self.tokens)
        if self.probe is not None:
            known["probe"] = self.probe
        return {**known, **self.extra}

    def write(self, path: str | Path, half_gates: bool = False) -> None:
        """Writes the file; it gets its name only when it is complete. Raises WriteFailed."""
        tensor_file.write(path, self.tensors(half_gates), self.metadata())

    def unusable(self) -> list[str]:
        """Names of the samples whose gates are not finite numbers; Grokscope leaves such samples out."""
        bad = np.flatnonzero(~np.isfinite(self.gates).all(axis=(1, 2)))
        return [self.samples[at]["id"] for at in bad]


_OWN = {"format", "version", "gate_kind", "model", "step", "layers_experts", "samples", "tokens", "probe"}


def read_trace(path: str | Path) -> Trace:
    """Reads a trace that this package or the `grokscope` program wrote.

    Raises FileIncomplete, and CollectionError for a file that is not a trace.
    """
    metadata = tensor_file.read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise CollectionError(f"{path}: not a Grokscope trace (metadata `format` is {metadata.get('format')!r}).")
    with safe_open(str(path), framework="numpy") as file:
        tensors: Mapping[str, Array] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "gates" not in tensors:
        raise CollectionError(f"{path}: no tensor `gates`.")
    tokens = metadata.get("tokens", "")
    return Trace(
        step=int(metadata.get("step", "0")),
        gates=tensors["gates"],
        gate_kind=metadata.get("gate_kind", "softmax-mean"),
        samples=json.loads(metadata.get("samples", "[]")),
        loss=tensors.get("loss"),
        n_tokens=tensors.get("n_tokens"),
        topk_ids=tensors.get("topk_ids"),
        router_weight=tensors.get("router_weight"),
        probe=metadata.get("probe"),
        model=metadata.get("model", ""),
        tokens=int(tokens) if tokens.isdigit() else None,
        extra={key: value for key, value in metadata.items() if key not in _OWN},
    )

"""The probe set: the fixed samples that every checkpoint is run on, and their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import SamplesError

#: A target that does not count in the loss.
NO_TARGET = -100

#: Turns a text into token ids.
Tokenize = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Sample:
    """One sample: its name, its domain, and its tokens or its text."""

    id: str
    domain: str | None = None
    input_ids: tuple[int, ...] | None = None
    text: str | None = None
    #: The token to predict at each position, or -100 for none; by default the next token.
    targets: tuple[int, ...] | None = None

    @property
    def label(self) -> dict[str, str]:
        """Name and domain, as traces list them."""
        return {"id": self.id, "domain": "all" if self.domain is None else self.domain}

    def content(self) -> dict[str, Any]:
        """What identifies the sample. Token ids take precedence over a text, because only they are run."""
        known: dict[str, Any] = self.label
        if self.input_ids is not None:
            known["input_ids"] = list(self.input_ids)
        else:
            known["text"] = self.text
        if self.targets is not None:
            known["targets"] = list(self.targets)
        return known

    def tokens(self, tokenize: Tokenize | None, max_tokens: int | None) -> Tokens:
        """The sample's token ids and targets, cut at the end.

        Raises SamplesError for a text without `tokenize`, for no tokens, and for another number of targets.
        """
        ids = self.input_ids
        if ids is None:
            if tokenize is None:
                raise SamplesError(
                    f"Sample {self.id!r} has a text and no `input_ids`, and there is no tokenizer. Give `tokenize`, "
                    "a function from text to token ids, or write `input_ids` into the samples file."
                )
            ids = tuple(int(one) for one in tokenize(self.text or ""))
        if not ids:
            raise SamplesError(f"Sample {self.id!r} has no tokens. Remove it, or give it a text.")
        targets = (*ids[1:], NO_TARGET) if self.targets is None else self.targets
        if len(targets) != len(ids):
            raise SamplesError(
                f"Sample {self.id!r} has {len(ids)} token ids and {len(targets)} targets. Give as many targets as "
                f"ids, {NO_TARGET} where none counts."
            )
        return Tokens(ids[:max_tokens], targets[:max_tokens])


@dataclass(frozen=True)
class Tokens:
    """Token ids of a sample and the target at each position."""

    ids: tuple[int, ...]
    targets: tuple[int, ...]


class ProbeSet(Sequence[Sample]):
    """Samples in a fixed order.

    `max_tokens` cuts every sample; it belongs to the probe set because it changes what is measured.
    """

    def __init__(self, samples: Iterable[Sample], max_tokens: int | None = None, name: str = "samples") -> None:
        self.samples = tuple(samples)
        self.max_tokens = max_tokens
        self.name = name
        if not self.samples:
            raise SamplesError(f"{name}: no samples. Write one JSON object per line.")
        if max_tokens is not None and max_tokens < 1:
            raise SamplesError(f"max_tokens is {max_tokens}. Give at least 1, or None for whole samples.")
        seen: set[tuple[str, str]] = set()
        for sample in self.samples:
            label = sample.label
            key = (label["id"], label["domain"])
            if key in seen:
                raise SamplesError(
                    f"{name}: two samples have the id {key[0]!r} and the domain {key[1]!r}. Give every sample its own id."
                )
            seen.add(key)

    @classmethod
    def read(cls, path: str | Path, max_tokens: int | None = None) -> ProbeSet:
        """Reads JSON lines with `id`, `domain`, and `input_ids` or `text`; optional `targets`."""
        path = Path(path)
        try:
            # utf-8-sig: Windows editors write a byte order mark.
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise SamplesError(f"{path}: {error.strerror or error}. Give the path of the samples file.") from error
        except UnicodeDecodeError as error:
            raise SamplesError(f"{path}: not UTF-8 (byte {error.start}). Save the file as UTF-8.") from error
        samples = [_sample(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
        return cls(samples, max_tokens, str(path))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, at: Any) -> Any:
        return self.samples[at]

    @property
    def labels(self) -> list[dict[str, str]]:
        """Name and domain of every sample, as traces list them."""
        return [sample.label for sample in self.samples]

    @property
    def hash(self) -> str:
        """`sha256:` and the hash of all samples, in their order, with `max_tokens`.

        It does not depend on blank lines, on the order of keys or on fields that are not used.
        """
        digest = hashlib.sha256()
        for content in [{"max_tokens": self.max_tokens}, *(sample.content() for sample in self.samples)]:
            digest.update(json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode())
            digest.update(b"\n")
        return f"sha256:{digest.hexdigest()}"

    def tokenized(self, tokenize: Tokenize | None = None) -> list[Tokens]:
        """Tokens of every sample, cut to `max_tokens`."""
        return [sample.tokens(tokenize, self.max_tokens) for sample in self.samples]

    def with_max_tokens(self, max_tokens: int | None) -> ProbeSet:
        """The same samples, cut to another length."""
        return ProbeSet((replace(sample) for sample in self.samples), max_tokens, self.name)


def _sample(line: str, place: str) -> Sample:
    try:
        known = json.loads(line)
    except json.JSONDecodeError as error:
        raise SamplesError(f"{place}: not JSON ({error.msg}). Write one JSON object per line.") from error
    if not isinstance(known, dict):
        raise SamplesError(f"{place}: not a JSON object. Write an object with `id` and `input_ids` or `text`.")
    if not isinstance(known.get("id"), (str, int)) or isinstance(known.get("id"), bool):
        raise SamplesError(f"{place}: no `id`. Give every sample an id that is the same for every checkpoint.")
    ids, text = _ids(known, "input_ids", place), known.get("text")
    if ids is None and not isinstance(text, str):
        raise SamplesError(f"{place}: neither `input_ids` nor `text`. Give one of them.")
    domain = known.get("domain")
    return Sample(
        id=str(known["id"]),
        domain=None if domain is None else str(domain),
        input_ids=ids,
        text=text if isinstance(text, str) else None,
        targets=_ids(known, "targets", place),
    )


def _ids(known: dict[str, Any], key: str, place: str) -> tuple[int, ...] | None:
    """A list of whole numbers, or None if the key is absent."""
    value = known.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        raise SamplesError(f"{place}: `{key}` is not a list of whole numbers.")
    return tuple(value)

"""Hugging Face Trainer: collects whenever the trainer saves a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..collector import Collector
from ..samples import ProbeSet
from .recorder import Recorder


class GrokscopeCallback(TrainerCallback):  # type: ignore[misc]
    """`Trainer(callbacks=[GrokscopeCallback("samples.jsonl", "traces/")])`. Further options are those of `Collector`.

    The processes share the samples. After a resume, later traces are set aside.
    """

    def __init__(self, samples: ProbeSet | str | Path, folder: str | Path, strict: bool = False, **options: Any) -> None:
        self.samples, self.folder, self.strict, self.options = samples, folder, strict, options
        self.recorder: Recorder | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **rest: Any
    ) -> None:
        options = dict(self.options)
        tokenizer = rest.get("processing_class")
        if tokenizer is not None and "tokenize" not in options:
            options["tokenize"] = lambda text: tokenizer(text)["input_ids"]
        if args.world_size > 1:
            options.setdefault("data_parallel", (args.process_index, args.world_size))
        if self.recorder is not None:
            self.recorder.collector.close()
        self.recorder = Recorder(Collector(self.samples, self.folder, **options), self.strict)
        self.recorder.begin(model, state.global_step)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **rest: Any
    ) -> None:
        if self.recorder is not None:
            seen = int(getattr(state, "num_input_tokens_seen", 0) or 0)
            self.recorder.checkpoint(model, state.global_step, seen or None)

"""OLMo-core: collects after each checkpoint (`post_checkpoint_saved`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from olmo_core.train.callbacks import Callback

from ..collector import Collector
from .recorder import Recorder


@dataclass
class GrokscopeCallback(Callback):  # type: ignore[misc]
    """`trainer.with_callback("grokscope", GrokscopeCallback(samples="samples.jsonl", folder="traces/"))`.

    `options` are those of `Collector`. Every rank runs all samples, unless `data_parallel` shares them.
    """

    samples: str = ""
    folder: str = ""
    strict: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def pre_train(self) -> None:
        collector = Collector(self.samples, self.folder, **self.options)
        self._recorder = Recorder(collector, self.strict)
        self._recorder.begin(self._model, self.step)

    def post_checkpoint_saved(self, path: Any) -> None:
        seen = getattr(self.trainer, "global_train_tokens_seen", None)
        self._recorder.checkpoint(self._model, self.step, seen)

    @property
    def _model(self) -> Any:
        train_module: Any = self.trainer.train_module
        return train_module.model

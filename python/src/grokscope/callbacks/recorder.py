"""What all callbacks share: the check before training, and collections whose errors do not end training."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ..collector import Collector

log = logging.getLogger("grokscope")


class Recorder:
    """Collects at checkpoints; logs errors instead of raising them, unless `strict`."""

    def __init__(self, collector: Collector, strict: bool = False) -> None:
        self.collector = collector
        self.strict = strict

    def begin(self, model: Any, step: int = 0) -> None:
        """Checks routers and folder, and sets aside traces after `step` if training is resumed there.

        Raises GrokscopeError: nothing is lost yet, and a run without traces would be of no use.
        """
        self.collector.check(model, step)
        if step > 0:
            self.collector.resume(step)

    def checkpoint(self, model: Any, step: int, tokens: int | None = None) -> Path | None:
        """Collects the trace of a step; None if that failed."""
        try:
            return self.collector.collect(model, step, tokens)
        except Exception as error:
            if self.strict:
                raise
            log.error("No trace of step %d: %s. Training goes on.", step, str(error).rstrip("."))
            return None

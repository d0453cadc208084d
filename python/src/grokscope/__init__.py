"""Records how a mixture-of-experts model routes a fixed set of samples at each checkpoint.

    from grokscope import Collector
    collector = Collector("samples.jsonl", "traces/")
    collector.collect(model, step)          # in the training loop, after each checkpoint

One trace file per checkpoint is written, which Grokscope's page and command line read. Importing this module
needs neither torch nor NumPy: the names below are imported when they are used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batches import Batch
    from .collector import Collector
    from .errors import GrokscopeError
    from .folder import TraceFolder
    from .samples import ProbeSet, Sample
    from .trace import Trace, read_trace

__all__ = ["Batch", "Collector", "GrokscopeError", "ProbeSet", "Sample", "Trace", "TraceFolder", "read_trace"]

__version__ = "0.1.0"

_HOMES = {
    "Batch": "batches",
    "Collector": "collector",
    "GrokscopeError": "errors",
    "ProbeSet": "samples",
    "Sample": "samples",
    "Trace": "trace",
    "TraceFolder": "folder",
    "read_trace": "trace",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)

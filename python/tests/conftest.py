"""Says loudly at the end what was not tested because an optional package is missing."""

import importlib.util
import os
from pathlib import Path

import pytest

# Set before torch is imported: results are compared bit by bit, and other programs may use the machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Child processes of the tests import the package too, also where it is not installed.
SOURCE = str(Path(__file__).resolve().parent.parent / "src")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH")]))
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"

#: Optional packages, and what their tests show.
OPTIONAL = {
    "torch": "the collector",
    "transformers": "gates of the families, the Trainer callback, the sweep over checkpoints",
    "ray": "the sweep on a Ray cluster",
    "olmo_core": "the routers and the callback of OLMo-core",
    "torchtitan": "the model and the callback of torchtitan",
    "megatron": "the model of Megatron-Core",
}


def pytest_terminal_summary(terminalreporter):
    # The form that `cargo xtask test` counts.
    counts = {word: len(terminalreporter.stats.get(word, [])) for word in ("passed", "failed", "error")}
    terminalreporter.write_line(f"test result: {counts['passed']} passed; {counts['failed'] + counts['error']} failed")
    missing = [name for name in OPTIONAL if importlib.util.find_spec(name) is None]
    if missing:
        terminalreporter.section("NOT TESTED", sep="!", red=True)
        for name in missing:
            terminalreporter.write_line(f"{name} is not installed. Not tested: {OPTIONAL[name]}")


@pytest.fixture
def fixtures():
    return FIXTURES

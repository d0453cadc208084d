"""The package without its optional packages."""

import subprocess
import sys


def test_the_package_and_the_clients_import_without_numpy_and_torch():
    code = (
        "import sys\n"
        "for name in ('numpy', 'torch', 'safetensors'): sys.modules[name] = None\n"
        "import grokscope, grokscope.servers, grokscope.samples, grokscope.batches\n"
        "assert 'grokscope.collector' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_reading_and_merging_traces_needs_no_torch():
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'ray'): sys.modules[name] = None\n"
        "from grokscope import Trace, TraceFolder, ProbeSet, read_trace\n"
        "import grokscope.sweep.tasks, grokscope.sweep.__main__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

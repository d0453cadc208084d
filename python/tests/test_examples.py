"""The examples of the package: short, and run where what they need is installed."""

import importlib.util
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_has_at_most_20_lines(path):
    text = path.read_text(encoding="utf-8")
    compile(text, str(path), "exec")
    assert len(text.splitlines()) <= 20


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps({"id": at, "domain": "math", "input_ids": [1, 2, 3 + at]}) for at in range(3)]
    Path("samples.jsonl").write_text("\n".join(lines))
    return tmp_path / "traces"


def test_the_plain_loop(samples):
    torch = pytest.importorskip("torch", reason="torch is not installed: the examples are not run")
    huggingface = pytest.importorskip("test_huggingface")
    model = huggingface.model()
    batches = iter([torch.randint(0, 32, (2, 4)) for _ in range(200)])
    load("plain_loop").train(model, torch.optim.SGD(model.parameters(), 0.01), batches)
    assert sorted(path.name for path in samples.glob("step*")) == ["step-100.safetensors", "step-200.safetensors"]


def test_nanomoe(samples):
    pytest.importorskip("torch", reason="torch is not installed: the examples are not run")
    import nanomoe

    load("nanomoe").save(nanomoe.GPT(), 50)
    assert (samples / "step-50.safetensors").exists()


def test_olmo_core(samples):
    pytest.importorskip("olmo_core", reason="OLMo-core is not installed: its example is not run")
    added = {}
    config = type("Config", (), {"with_callback": lambda self, name, callback: added.setdefault(name, callback)})()
    load("olmo_core").with_traces(config)
    assert added["grokscope"].samples == "samples.jsonl"

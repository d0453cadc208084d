"""Gates of the families equal golden values that transformers computed, to 5e-6."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the families are not tested")

from conftest import FIXTURES  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402

from grokscope import Collector  # noqa: E402
from grokscope.gates import gates_of, kind_of_config  # noqa: E402

FAMILIES = sorted(path.parent for path in (FIXTURES / "families").glob("*/expected.safetensors"))
# Folders with weights can be run. GROKSCOPE_FAMILIES may name a folder with the weights of all families.
RUNNABLE = [*(path.parent for path in sorted((FIXTURES / "olmoe").glob("*/config.json"))), *FAMILIES]
if os.environ.get("GROKSCOPE_FAMILIES"):
    RUNNABLE = sorted(path.parent for path in Path(os.environ["GROKSCOPE_FAMILIES"]).glob("*/config.json"))
RUNNABLE = [path for path in RUNNABLE if any(path.glob("*.safetensors.index.json"))]
SIGMOID = {"deepseek_v3", "dots1", "glm4_moe"}


def kind(family):
    return "sigmoid-normalized-mean" if family in SIGMOID else "softmax-mean"


@pytest.mark.parametrize("folder", FAMILIES, ids=lambda path: path.name)
def test_the_rule_of_a_family(folder):
    config = type("Config", (), json.loads((folder / "config.json").read_text()))
    assert kind_of_config(config) == kind(folder.name)
    known = load_file(folder / "expected.safetensors")
    for sample, gates in enumerate(known["mean_gates"]):
        logits = torch.from_numpy(known[f"router_logits.{sample}"])
        made = gates_of(logits, kind(folder.name)).double().mean(1)
        np.testing.assert_allclose(made, gates, rtol=0, atol=5e-6)


@pytest.mark.parametrize("folder", RUNNABLE, ids=lambda path: path.name)
def test_a_model_of_the_family(folder, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: the families are not run")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    known = load_file(folder / "expected.safetensors")
    for batch_size in (1, 4):
        trace = Collector(folder / "samples.jsonl", tmp_path, batch_size=batch_size).measure(model, 5)
        assert trace.gate_kind == kind(model.config.model_type)
        np.testing.assert_allclose(trace.gates, known["mean_gates"], rtol=0, atol=5e-6)
        np.testing.assert_allclose(trace.loss, known["nll"], rtol=0, atol=5e-5, equal_nan=True)
        ids = [known[f"topk_ids.{sample}"].transpose(1, 0, 2) for sample in range(len(trace.samples))]
        np.testing.assert_array_equal(trace.topk_ids, np.concatenate(ids))
        assert trace.router_weight.shape[:2] == trace.gates.shape[1:]

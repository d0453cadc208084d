"""Several ranks: shared samples, split layers, split sequences, and errors on one of them. Real processes, gloo."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: several ranks are not tested")

import small

from grokscope import read_trace

#: One rank; arguments: rank, file to meet at, folder, case.
RANK = """
import json, sys
from functools import partial
import torch
import small
from grokscope import Collector
from grokscope.errors import GrokscopeError

rank, meet, folder, case = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2)
model, probe = small.model(layers=3), small.probe(7)
model.config = type("Config", (), {"num_experts_per_tok": 2, "model_type": "mixtral"})()
options = {"batch_size": 2}
if case == "data":
    options["data_parallel"] = (rank, 2)
if case == "fsdp":
    from torch.distributed.fsdp import fully_shard
    mesh = torch.distributed.init_device_mesh("cpu", (2,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    options["data_parallel"] = (rank, 2)
if case == "stages":
    # Rank 1 has the last layer and the logits; rank 0 the other layers.
    options["routers"] = r"layers.2.router$" if rank else r"layers.[01].router$"
    options["forward"] = lambda model, batch: model(batch.input_ids) if rank else (model(batch.input_ids), None)[1]
if case == "sequence":
    # Each rank's routers see half of the positions.
    def half(router, x):
        part = x.chunk(2, 1)[rank]
        router(part)
        top = torch.nn.functional.linear(x, router.weight).topk(2, -1)
        return torch.zeros(*x.shape[:2], 4).scatter(-1, top.indices, top.values.softmax(-1))
    for layer in model.layers:
        layer.weights = partial(half, layer.router)
    def rows(batch, start, count):
        samples, width = batch.mask.shape
        places = torch.arange(width).chunk(2)[rank]
        return (torch.arange(samples)[:, None] * width + places).flatten()
    options |= {"multiple": 2, "rows": rows}
if case == "error" and rank == 1:
    options["forward"] = lambda model, batch: None if batch.missing else None
if case == "disk" and rank == 0:
    import errno, os
    def full(*_):
        raise OSError(errno.ENOSPC, "full")
    os.replace = full
try:
    path = Collector(probe, folder, **options).collect(model, 5)
    print(json.dumps({"path": str(path)}))
except (GrokscopeError, AttributeError) as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
torch.distributed.destroy_process_group()
"""


def run(tmp_path, case):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path])}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path / "meet"), str(tmp_path / "traces"), case],
            stdout=subprocess.PIPE, text=True, env=environment,
        )
        for rank in range(2)
    ]  # fmt: skip
    printed = [process.communicate(timeout=120)[0] for process in ranks]
    return [json.loads(text.splitlines()[-1]) for text in printed]


@pytest.mark.parametrize("case", ["same", "data", "fsdp", "stages", "sequence"])
def test_the_trace_is_that_of_one_rank(tmp_path, case):
    path = str(tmp_path / "traces" / "step-5.safetensors")
    assert run(tmp_path, case) == [{"path": path}] * 2
    trace, model, probe = read_trace(path), small.model(layers=3), small.probe(7)
    gates, losses = small.expected(model, probe)
    np.testing.assert_allclose(trace.gates, gates, rtol=0, atol=1e-6)
    np.testing.assert_allclose(trace.loss, losses, rtol=0, atol=1e-5, equal_nan=True)
    assert trace.topk_ids.shape == (trace.n_tokens.sum(), 3, 2)
    np.testing.assert_array_equal(trace.router_weight, [layer.router.weight.detach().numpy() for layer in model.layers])


def test_an_error_on_one_rank_ends_the_others_too(tmp_path):
    first, second = run(tmp_path, "error")
    assert second["error"].startswith("AttributeError: 'Batch' object has no attribute 'missing'")
    assert first["error"] == "AttributeError: rank 1: 'Batch' object has no attribute 'missing'"
    assert not list((tmp_path / "traces").glob("*.safetensors"))


def test_a_disk_that_is_full_on_the_first_rank_is_known_to_all(tmp_path):
    for one in run(tmp_path, "disk"):
        assert one["error"].startswith("WriteFailed: ") and "the disk is full" in one["error"]

"""The collector on small models: what it records, and that it leaves no trace in training."""

import logging
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the collector is not tested")

import small  # noqa: E402
from torch import nn  # noqa: E402

from grokscope import Collector, read_trace  # noqa: E402
from grokscope.accumulate import GateSums, compensated_sum  # noqa: E402
from grokscope.errors import CollectionError, GateRuleUnknown, ProbeSetChanged, RoutersNotFound, StepWentBack  # noqa: E402

SOFTMAX = {"gate_kind": "softmax-mean"}


def known_k(model, k=small.TOP_K):
    """States how many experts are selected, as a configuration does."""
    model.config = type("Config", (), {"num_experts_per_tok": k, "model_type": "mixtral"})()
    return model


@pytest.mark.parametrize("batch_size", [1, 2, 6])
@pytest.mark.parametrize("float64", [True, False])
def test_gates_losses_and_selected_experts(tmp_path, batch_size, float64):
    model, probe = known_k(small.model()), small.probe()
    gates, losses = small.expected(model, probe)
    with Collector(probe, tmp_path, batch_size=batch_size, float64=float64, model_name="small", run="r") as collector:
        trace = read_trace(collector.collect(model, 5, tokens=77))
    np.testing.assert_allclose(trace.gates, gates, rtol=0, atol=1e-6)
    np.testing.assert_allclose(trace.loss, losses, rtol=0, atol=1e-5, equal_nan=True)
    assert trace.gates.sum(-1) == pytest.approx(1, abs=1e-6)
    assert (trace.step, trace.tokens, trace.model, trace.probe, trace.extra["run"]) == (5, 77, "small", probe.hash, "r")
    assert trace.topk_ids.shape == (trace.n_tokens.sum(), 2, small.TOP_K)
    # A sample of one token: the selected experts are those with the largest gates, in their order.
    one = next(at for at, length in enumerate(trace.n_tokens) if length == 1)
    np.testing.assert_array_equal(
        np.argsort(-trace.gates[one], axis=-1)[:, :2], trace.topk_ids[np.cumsum(trace.n_tokens)[one] - 1]
    )
    np.testing.assert_array_equal(trace.router_weight, torch.stack([layer.router.weight for layer in model.layers]).detach())


def state(model):
    """Everything that a collection must leave as it was."""
    return {
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "parameters": {name: one.detach().clone() for name, one in model.named_parameters()},
        "gradients": [None if one.grad is None else one.grad.clone() for one in model.parameters()],
        "buffers": {name: one.clone() for name, one in model.named_buffers()},
        "buffer objects": [id(one) for one in model.buffers()],
        "grad": torch.is_grad_enabled(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].copy(),
        "torch": torch.get_rng_state().clone(),
    }


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (torch.Tensor, np.ndarray)):
        return bool((torch.as_tensor(one) == torch.as_tensor(other)).all())
    return one == other


def in_training():
    """A model in the middle of training, with one part in evaluation mode."""
    model = small.model().train()
    model.layers[0].experts.eval()
    model(torch.randint(0, 32, (2, 5))).sum().backward()
    return model


class Failure(Exception):
    pass


@pytest.mark.parametrize("fails", [False, True])
def test_the_training_state_is_untouched(tmp_path, fails):
    model = in_training()
    before = state(model)

    def forward(model, batch):
        random.random(), np.random.rand(), torch.rand(3)
        model.layers[1].calls = torch.tensor(99.0)
        output = model(batch.input_ids)
        assert not model.dropout.training and not output.requires_grad
        if fails:
            raise Failure
        return output

    collector = Collector(small.probe(), tmp_path, forward=forward, **SOFTMAX)
    if fails:
        with pytest.raises(Failure):
            collector.collect(model, 1)
    else:
        collector.collect(model, 1)
    assert same(before, state(model))


def test_training_goes_on_to_the_same_bits(tmp_path):
    def trained(collector):
        torch.manual_seed(1)
        model = small.Model()
        optimizer = torch.optim.AdamW(model.parameters())
        for step in range(1, 9):
            ids = torch.randint(0, 32, (4, 8))
            nn.functional.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
            optimizer.step()
            optimizer.zero_grad()
            if collector and step % 2 == 0:
                collector.collect(model, step)
        return {name: state(model)[name] for name in ("modes", "hooks", "parameters", "buffers", "torch")}

    assert same(trained(None), trained(Collector(small.probe(), tmp_path, **SOFTMAX)))
    assert len(list(tmp_path.glob("*.safetensors"))) == 4


@pytest.mark.parametrize("how", ["function", "in place", "layers"])
def test_compiled_models_are_recorded(tmp_path, how):
    model = small.model()
    gates, _ = small.expected(model, small.probe())
    if how == "function":
        compiled = torch.compile(model, backend="eager")
    else:
        compiled = model
        for part in [model] if how == "in place" else model.layers:
            part.compile(backend="eager")
    compiled.train()
    compiled(torch.randint(0, 32, (2, 5)))
    trace = Collector(small.probe(), tmp_path, **SOFTMAX).measure(compiled, 1)
    np.testing.assert_allclose(trace.gates, gates, rtol=0, atol=1e-6)


def test_routers_that_are_not_found_are_listed(tmp_path):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList(
                nn.ModuleDict({"switch_choice": nn.Linear(16, 4), "up": nn.Linear(16, 16)}) for _ in range(3)
            )

        def forward(self, ids):
            x = nn.functional.one_hot(ids % 16, 16).float()
            for block in self.blocks:
                x = x + block["switch_choice"](x).sum(-1, keepdim=True)
            return x.repeat(1, 1, 2)

    collector = Collector(small.probe(), tmp_path, **SOFTMAX)
    with pytest.raises(RoutersNotFound) as raised:
        collector.check(Plain())
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("no routers were found in Plain. Give --router (`routers=`), a regular expression")
    assert lines[1] == "  blocks.*.switch_choice (Linear, 16 to 4), 3 times"
    assert not list(tmp_path.glob("*.safetensors"))
    named = Collector(small.probe(), tmp_path, routers=r"switch_choice$", **SOFTMAX)
    assert named.measure(Plain(), 1).gates.shape == (6, 3, 4)
    by_function = Collector(small.probe(), tmp_path, routers=lambda name, _: name.startswith("blocks.1.s"), **SOFTMAX)
    assert by_function.measure(Plain(), 1).gates.shape == (6, 1, 4)
    by_name = Collector(small.probe(), tmp_path, routers=["blocks.0.switch_choice", "blocks.2.switch_choice"], **SOFTMAX)
    assert by_name.measure(Plain(), 1).gates.shape == (6, 2, 4)
    with pytest.raises(RoutersNotFound, match="no module's name matches 'nothing'"):
        Collector(small.probe(), tmp_path, routers="nothing").check(Plain())


def test_layers_are_in_the_order_of_their_numbers(tmp_path):
    model = small.model(layers=11)
    gates, _ = small.expected(model, small.probe())
    np.testing.assert_allclose(Collector(small.probe(), tmp_path, **SOFTMAX).measure(model, 1).gates, gates, rtol=0, atol=1e-6)


def test_a_rule_that_is_not_known_is_asked_for(tmp_path):
    with pytest.raises(
        GateRuleUnknown, match="whether its routers score by softmax or by sigmoid is not known here.*give gate_kind"
    ):
        Collector(small.probe(), tmp_path).check(small.model())
    with pytest.raises(GateRuleUnknown, match="gate_kind 'relu' is not known"):
        Collector(small.probe(), tmp_path, gate_kind="relu").check(small.model())


def test_sigmoid_scores_are_normalized(tmp_path):
    model, probe = small.model(), small.probe()
    trace = Collector(probe, tmp_path, gate_kind="sigmoid-normalized-mean").measure(model, 1)
    one = next(at for at, sample in enumerate(probe.samples) if len(sample.input_ids) == 1)
    with torch.no_grad():
        x = model.embedding(torch.tensor(probe.samples[one].input_ids))
        scores = model.layers[0].router(x)[0].sigmoid()
    np.testing.assert_allclose(trace.gates[one, 0], scores / scores.sum(), rtol=0, atol=1e-6)
    assert trace.gate_kind == "sigmoid-normalized-mean"


def test_rows_of_other_orders_and_of_several_calls(tmp_path):
    class TimeFirst(small.Model):
        """Hidden states are [T, B, width], and routers get them in two calls."""

        def forward(self, input_ids):
            for layer in self.layers:
                router = layer.router
                layer.weights = lambda x, router=router: self.chosen(router, x)
            return super().forward(input_ids)

        @staticmethod
        def chosen(router, x):
            rows = x.transpose(0, 1).flatten(0, 1)
            half = len(rows) // 2
            logits = torch.cat([router(rows[:half]), router(rows[half:])]).view(x.shape[1], x.shape[0], -1).transpose(0, 1)
            top = logits.topk(small.TOP_K, -1)
            return torch.zeros_like(logits).scatter(-1, top.indices, top.values.softmax(-1))

    torch.manual_seed(0)
    model, probe = TimeFirst(), small.probe()
    gates, _ = small.expected(small.model(), probe)
    trace = Collector(probe, tmp_path, rows="sequence", batch_size=3, **SOFTMAX).measure(model, 1)
    np.testing.assert_allclose(trace.gates, gates, rtol=0, atol=1e-6)
    # Rows that were not seen are an error, not a mean of some tokens.
    model.chosen = lambda router, x: torch.cat([router(x[:, :1]), torch.zeros(len(x), x.shape[1] - 1, 4)], 1).softmax(-1)
    with pytest.raises(
        CollectionError, match=r"layers\.0\.router saw 0 tokens of a sample of .* tokens\. Give `rows`|saw 1 tokens"
    ):
        Collector(probe, tmp_path, batch_size=1, **SOFTMAX).measure(model, 1)
    model.chosen = lambda router, x: (router(x), router(x))[0].softmax(-1)
    with pytest.raises(CollectionError, match="was called for .* tokens, but the batch has"):
        Collector(probe, tmp_path, batch_size=1, **SOFTMAX).measure(model, 1)


def test_losses_can_come_from_the_model_and_targets_from_the_samples(tmp_path):
    model, probe = small.model(), small.probe()
    _, losses = small.expected(model, probe)

    def token_losses(model, batch):
        logits = model(batch.input_ids)
        return nn.functional.cross_entropy(logits.transpose(1, 2), batch.targets.clamp_min(0), reduction="none")

    trace = Collector(probe, tmp_path, forward=token_losses, **SOFTMAX).measure(model, 1)
    np.testing.assert_allclose(trace.loss, losses, rtol=0, atol=1e-5, equal_nan=True)
    with pytest.raises(CollectionError, match=r"the model returned a tensor of shape .* Give `forward`"):
        Collector(probe, tmp_path, forward=lambda model, batch: model(batch.input_ids)[:, -1], **SOFTMAX).measure(model, 1)
    with pytest.raises(CollectionError, match="has the target .*, but the model has 5 outputs"):
        Collector(probe, tmp_path, forward=lambda model, batch: model(batch.input_ids)[..., :5], **SOFTMAX).measure(model, 1)
    trace = Collector(probe, tmp_path, forward=lambda model, batch: (model(batch.input_ids), None)[1], **SOFTMAX).measure(
        model, 1
    )
    assert np.isnan(trace.loss).all()


def test_losses_that_are_not_numbers_are_recorded_and_reported(tmp_path, caplog):
    model = small.model()
    with torch.no_grad():
        model.head.weight[:] = float("nan")
    with caplog.at_level(logging.WARNING):
        path = Collector(small.probe(), tmp_path, **SOFTMAX).collect(model, 5)
    trace = read_trace(path)
    assert np.isnan(trace.loss).all() and np.isfinite(trace.gates).all()
    assert "Step 5: the loss of 5 of 6 samples is not a finite number (first: s1)" in caplog.text
    with torch.no_grad():
        model.embedding.weight[int(small.probe().samples[0].input_ids[0])] = float("inf")
    with caplog.at_level(logging.WARNING):
        trace = read_trace(Collector(small.probe(), tmp_path / "b", **SOFTMAX).collect(model, 5))
    assert trace.unusable()[0] == "s0"
    assert "samples are not finite numbers (first: s0). They are left out of the report." in caplog.text


def test_what_the_folder_refuses(tmp_path):
    model = small.model()
    collector = Collector(small.probe(), tmp_path, **SOFTMAX)
    path = collector.collect(model, 5)
    first = path.read_bytes()
    assert collector.collect(small.model(1), 5) == path and path.read_bytes() == first
    with pytest.raises(StepWentBack):
        collector.collect(model, 4)
    with pytest.raises(CollectionError, match="The step is -1"):
        collector.collect(model, -1)
    collector.resume(3)
    collector.collect(model, 4)
    collector.close()
    with Collector(small.probe(seed=9), tmp_path, **SOFTMAX) as other:
        with pytest.raises(ProbeSetChanged):
            other.check(model)
        with pytest.raises(ProbeSetChanged):
            other.collect(model, 6)


def test_sums_are_exact_where_float32_is_not():
    generator = torch.Generator().manual_seed(0)
    gates = torch.rand(100_000, 3, generator=generator) * torch.tensor([1.0, 1e-6, 1e4])
    exact = gates.double().sum(0)
    total, error = compensated_sum(gates)
    assert torch.equal((total.double() + error.double()).float(), exact.float())
    for float64 in (True, False):
        sums = GateSums(2, 1, 3, torch.device("cpu"), float64)
        for part in gates.split(7919):
            sums.add(0, torch.tensor([1]), torch.zeros(len(part), dtype=torch.long), part)
        totals, counts = sums.totals()
        torch.testing.assert_close(totals[1, 0], exact, rtol=1e-12, atol=0)
        assert counts.tolist() == [[0], [100_000]]
    naive = torch.zeros(3)
    for row in gates[:20_000]:
        naive += row
    assert not torch.equal(naive, gates[:20_000].double().sum(0).float())

"""Routers and callbacks of training frameworks: the real ones where they are installed, nanoMoE as a stand-in."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the frameworks are not tested")

import nanomoe  # noqa: E402
import small  # noqa: E402
from torch import nn  # noqa: E402

from grokscope import Collector, read_trace  # noqa: E402
from grokscope.errors import CollectionError  # noqa: E402


def one_by_one(model, routers, kind, probe, run, logits_of):
    """Mean gates [S, L, E], from hooks on the routers, one sample after the other."""
    gates = []
    for sample in probe.samples:
        kept = {}
        handles = [
            router.register_forward_hook(lambda module, args, out, at=at: kept.__setitem__(at, logits_of(module, args[0], out)))
            for at, router in enumerate(routers)
        ]
        with torch.no_grad():
            run(model, torch.tensor([sample.input_ids]))
        for handle in handles:
            handle.remove()
        rows = [kept[at].reshape(-1, kept[at].shape[-1]).double() for at in range(len(routers))]
        if kind == "sigmoid-normalized-mean":
            rows = [one.sigmoid() / one.sigmoid().sum(-1, keepdim=True) for one in rows]
        else:
            rows = [one.softmax(-1) for one in rows]
        gates.append(torch.stack([one.mean(0) for one in rows]))
    return torch.stack(gates).numpy()


@pytest.mark.parametrize("noisy", [False, True])
def test_nanomoe(tmp_path, noisy):
    torch.manual_seed(0)
    model, probe = nanomoe.GPT(noisy), small.probe()
    collector = Collector(probe, tmp_path, batch_size=1)
    trace = collector.measure(model, 1)
    # Without noise, which is random; with it, the same at every call.
    assert np.array_equal(trace.gates, collector.measure(model, 2).gates)
    assert (trace.gates.shape, trace.gate_kind) == ((6, 2, 4), "softmax-mean")
    assert (trace.topk_ids is None) == noisy
    assert np.isfinite(trace.loss).sum() == 5
    if not noisy:
        routers = [model.transformer.h[at].mlp.router for at in (1, 3)]
        known = one_by_one(
            model, routers, trace.gate_kind, probe, lambda model, ids: model(ids, ids), lambda module, x, _: module.w_g(x)
        )
        np.testing.assert_allclose(trace.gates, known, rtol=0, atol=5e-6)
        batched = Collector(probe, tmp_path, batch_size=4).measure(model, 1)
        np.testing.assert_allclose(batched.gates, known, rtol=0, atol=5e-6)


class OlmoMixture(nn.Module):
    """Experts of a plain kind behind a router of OLMo-core, whose own experts need a GPU."""

    def __init__(self, router):
        super().__init__()
        self.router = router
        self.experts = nn.ModuleList(nn.Linear(16, 16) for _ in range(8))

    def forward(self, x):
        more = {"scores_only": False} if type(self.router).__name__.endswith("V2") else {}
        values, ids, _, _ = self.router(x, **more)
        weights = torch.zeros(*x.shape[:2], 8).scatter(-1, ids, values)
        return x + sum(weights[..., at, None] * expert(x) for at, expert in enumerate(self.experts))


class OlmoModel(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.embeddings = nn.Embedding(32, 16)
        self.blocks = nn.ModuleDict({str(at): OlmoMixture(make()) for at in range(3)})
        self.lm_head = nn.Linear(16, 32)

    def forward(self, input_ids, *, labels=None):
        x = self.embeddings(input_ids)
        for block in self.blocks.values():
            x = block(x)
        return self.lm_head(x)


def olmo_router(version, gating):
    if version == 2:
        router = pytest.importorskip(
            "olmo_core.nn.moe.v2.router", reason="OLMo-core is not installed: its routers are not tested"
        )
        made = router.MoERouterConfigV2(d_model=16, num_experts=8, top_k=2, gating_function=gating, bias_gamma=0.01).build()
    else:
        moe = pytest.importorskip("olmo_core.nn.moe", reason="OLMo-core is not installed: its routers are not tested")
        made = moe.MoERouterConfig(top_k=2, gating_function=gating, bias_gamma=0.01).build(16, 8)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.score_bias, std=0.1)
    return made


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("gating", ["softmax", "sigmoid"])
def test_routers_of_olmo_core(tmp_path, gating, version):
    torch.manual_seed(0)
    model, probe = OlmoModel(lambda: olmo_router(version, gating)), small.probe()
    trace = Collector(probe, tmp_path, batch_size=4).measure(model, 1)
    assert trace.gate_kind == ("softmax-mean" if gating == "softmax" else "sigmoid-normalized-mean")
    routers = [block.router for block in model.blocks.values()]
    known = one_by_one(
        model.eval(),
        routers,
        trace.gate_kind,
        probe,
        lambda model, ids: model(ids),
        lambda module, x, _: module.get_expert_logits(x),
    )
    np.testing.assert_allclose(trace.gates, known, rtol=0, atol=5e-6)
    assert trace.topk_ids.shape == (trace.n_tokens.sum(), 3, 2)
    assert trace.router_weight.shape == (3, 8, 16)


def test_the_callback_of_olmo_core(tmp_path):
    callbacks = pytest.importorskip("olmo_core.train.callbacks", reason="OLMo-core is not installed: its callback is not tested")
    from grokscope.callbacks.olmo_core import GrokscopeCallback

    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"id": "a", "input_ids": [1, 2, 3]}\n')
    made = GrokscopeCallback(samples=str(samples), folder=str(tmp_path / "traces"), strict=True)
    assert isinstance(made, callbacks.Callback)
    model = OlmoModel(lambda: olmo_router(1, "softmax"))
    made.trainer = SimpleNamespace(global_step=0, train_module=SimpleNamespace(model=model), global_train_tokens_seen=640)
    made.pre_train()
    made.trainer.global_step = 5
    made.post_checkpoint_saved(str(tmp_path / "step5"))
    trace = read_trace(tmp_path / "traces" / "step-5.safetensors")
    assert (trace.gates.shape, trace.tokens) == ((1, 3, 8), 640)


def titan_model():
    qwen3 = pytest.importorskip("torchtitan.models.qwen3", reason="torchtitan is not installed: its model is not tested")
    from torchtitan.models.common import CosSinRoPE

    config = qwen3.qwen3_configs["debugmodel_moe"](attn_backend="flex")
    layers = qwen3._build_qwen3_moe_layers(
        n_layers=2, dim=32, n_heads=2, n_kv_heads=2, head_dim=16, moe_hidden_dim=32, num_experts=8, top_k=2, attn_backend="flex",
        rope=CosSinRoPE.Config(dim=16, max_seq_len=64, theta=10000.0), moe_comm_backend="standard",
    )  # fmt: skip
    embedding = type(config.tok_embeddings)(num_embeddings=32, embedding_dim=32, param_init=config.tok_embeddings.param_init)
    head = type(config.lm_head)(in_features=32, out_features=32, param_init=config.lm_head.param_init)
    made = type(config)(vocab_size=32, dim=32, norm=qwen3._qwen3_norm(32), tok_embeddings=embedding, lm_head=head, layers=layers)
    torch.manual_seed(0)
    model = made.build()
    model.init_states()
    for layer in model.layers.values():
        nn.init.normal_(layer.moe.router.gate.weight)
    return model


def test_a_trainer_of_torchtitan(tmp_path):
    model = titan_model()
    from grokscope.callbacks.torchtitan import forward, watch

    class Checkpointer:
        """Saves every second step, like torchtitan's."""

        def load(self, step=-1):
            trainer.step = 0
            return False

        def save(self, curr_step, last_step=False):
            return curr_step % 2 == 0 or last_step

    checkpointer = Checkpointer()
    trainer = SimpleNamespace(model_parts=[model], checkpointer=checkpointer, step=0, ntokens_seen=128)
    probe = small.probe()
    watch(trainer, probe, tmp_path, strict=True, batch_size=3)
    checkpointer.load(step=-1)
    for step in range(1, 6):
        checkpointer.save(step, last_step=step == 5)
    assert sorted(path.name for path in tmp_path.glob("step*")) == [f"step-{step}.safetensors" for step in (2, 4, 5)]
    trace = read_trace(tmp_path / "step-4.safetensors")
    assert (trace.gates.shape, trace.gate_kind, trace.tokens) == ((6, 2, 8), "softmax-mean", 128)
    assert np.isfinite(trace.loss).sum() == 5 and trace.topk_ids is not None

    def run(model, ids):
        # Compiling the attention for the CPU would take a minute.
        with torch.compiler.set_stance("force_eager"):
            forward(model, SimpleNamespace(input_ids=ids))

    routers = [layer.moe.router for layer in model.layers.values()]
    known = one_by_one(model, routers, trace.gate_kind, probe, run, lambda module, x, _: module.gate(x))
    np.testing.assert_allclose(trace.gates, known, rtol=0, atol=5e-6)
    # Versions before 0.3 return counts of tokens in place of scores.
    for router in routers:
        router.register_forward_hook(
            lambda _, __, output: (output[0].flatten(0, 1), output[1].flatten(0, 1), output[2].sum((0, 1)).round())
        )
    from grokscope.routers import find_routers

    router = find_routers([model])[0]
    x = torch.randn(1, 5, 32)
    reading = router.reader(router.module, x, router.module(x))
    torch.testing.assert_close(reading.values, router.module.gate(x)[0])
    assert not reading.are_scores
    with pytest.raises(CollectionError, match="split into pipeline stages. Give `forward`"):
        watch(SimpleNamespace(model_parts=[model, model], checkpointer=checkpointer), probe, tmp_path / "b")


@pytest.fixture
def megatron(monkeypatch, tmp_path):
    """Megatron-Core on the CPU: four helpers that ask for a GPU are replaced, nothing of model or router is."""
    pytest.importorskip("megatron.core", reason="Megatron-Core is not installed: its model is not tested")
    from megatron.core import parallel_state
    from megatron.core.fusions import fused_softmax
    from megatron.core.tensor_parallel import random
    from megatron.core.transformer.moe import moe_utils

    monkeypatch.setattr(torch.cuda, "current_device", lambda: "cpu")
    monkeypatch.setattr(fused_softmax, "get_default_causal_mask", lambda size: torch.ones(size, size).triu(1).bool())
    monkeypatch.setattr(random.CudaRNGStatesTracker, "fork", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(moe_utils, "te_general_gemm", None, raising=False)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    parallel_state.initialize_model_parallel(1, 1)
    yield
    parallel_state.destroy_model_parallel()
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_a_model_of_megatron_core(megatron, tmp_path, score):
    from megatron.core.models.gpt import GPTModel
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.transformer import TransformerConfig

    from grokscope.callbacks.megatron import megatron_collector, rows

    config = TransformerConfig(
        num_layers=3, hidden_size=32, num_attention_heads=2, ffn_hidden_size=64, moe_ffn_hidden_size=64, num_moe_experts=4,
        moe_router_topk=2, moe_router_score_function=score, moe_router_enable_expert_bias=score == "sigmoid",
        moe_router_load_balancing_type="none", moe_token_dispatcher_type="allgather", use_cpu_initialization=True,
        add_bias_linear=False, bias_activation_fusion=False, masked_softmax_fusion=False, bias_dropout_fusion=False,
    )  # fmt: skip
    torch.manual_seed(0)
    spec = get_gpt_layer_local_spec(num_experts=4, moe_grouped_gemm=False)
    model = GPTModel(config=config, transformer_layer_spec=spec, vocab_size=32, max_sequence_length=64)
    routers = [layer.mlp.router for layer in model.decoder.layers]
    for router in routers:
        nn.init.normal_(router.weight)
    probe = small.probe()
    # Megatron keeps a list of chunks.
    trace = read_trace(megatron_collector(probe, tmp_path / "traces", batch_size=3).collect([model], 7))
    assert trace.gate_kind == ("softmax-mean" if score == "softmax" else "sigmoid-normalized-mean")
    assert trace.gates.shape == (6, 3, 4) and np.isfinite(trace.loss).sum() == 5
    assert trace.topk_ids.shape == (trace.n_tokens.sum(), 3, 2)

    def run(model, ids):
        model(ids, torch.arange(ids.shape[1])[None], None)

    known = one_by_one(model.eval(), routers, trace.gate_kind, probe, run, lambda module, x, _: module.gating(x))
    np.testing.assert_allclose(trace.gates, known, rtol=0, atol=5e-6)
    # Sequence parallelism: the rows of both halves are the rows of the whole, [T, B].
    batch = SimpleNamespace(mask=torch.ones(3, 4, dtype=torch.bool))
    parts = [rows(rank, 2, batch, 0, 6) for rank in (0, 1)]
    assert torch.equal(torch.cat(parts), rows(0, 1, batch, 0, 12))
    assert rows(0, 1, batch, 0, 12).tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]

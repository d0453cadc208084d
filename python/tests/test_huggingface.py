"""The callback of Hugging Face's Trainer, with a real one."""

import logging
import shutil

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the Trainer is not tested")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the Trainer is not tested")
pytest.importorskip("accelerate", reason="accelerate is not installed: the Trainer is not tested")

import small  # noqa: E402
from transformers import OlmoeConfig, OlmoeForCausalLM, Trainer, TrainingArguments  # noqa: E402

from grokscope import read_trace  # noqa: E402
from grokscope.callbacks.huggingface import GrokscopeCallback  # noqa: E402
from grokscope.errors import RoutersNotFound, StepWentBack  # noqa: E402


def model():
    torch.manual_seed(0)
    config = OlmoeConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        num_experts=4, num_experts_per_tok=2, attention_dropout=0.1, pad_token_id=0, eos_token_id=1, bos_token_id=1,
    )  # fmt: skip
    return OlmoeForCausalLM(config)


def train(tmp_path, callbacks, steps=6, resume=False):
    torch.manual_seed(1)
    data = [{"input_ids": one, "labels": one} for one in torch.randint(0, 32, (64, 8))]
    args = TrainingArguments(
        str(tmp_path / "run"), max_steps=steps, save_steps=2, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        disable_tqdm=True, seed=3, include_num_input_tokens_seen=True,
    )  # fmt: skip
    made = model()
    Trainer(made, args, train_dataset=data, callbacks=callbacks).train(resume_from_checkpoint=resume)
    return made.state_dict()


def test_each_checkpoint_has_a_trace_and_training_is_the_same(tmp_path):
    callback = GrokscopeCallback(small.probe(), tmp_path / "traces", strict=True)
    traced = train(tmp_path / "a", [callback])
    plain = train(tmp_path / "b", [])
    assert all(torch.equal(traced[name], plain[name]) for name in plain)
    traces = [read_trace(tmp_path / "traces" / f"step-{step}.safetensors") for step in (2, 4, 6)]
    assert [trace.tokens for trace in traces] == [64, 128, 192]
    assert all(trace.gates.shape == (6, 2, 4) and trace.topk_ids is not None for trace in traces)


def test_a_resumed_training_sets_later_traces_aside(tmp_path, caplog):
    train(tmp_path, [GrokscopeCallback(small.probe(), tmp_path / "traces", strict=True)])
    first = (tmp_path / "traces" / "step-6.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoint-6")
    with caplog.at_level(logging.WARNING):
        train(tmp_path, [GrokscopeCallback(small.probe(), tmp_path / "traces", strict=True)], resume=True)
    names = sorted(path.name for path in (tmp_path / "traces").glob("step*"))
    assert names == ["step-2.safetensors", "step-4.safetensors", "step-6.safetensors", "step-6.safetensors.superseded"]
    assert (tmp_path / "traces" / "step-6.safetensors.superseded").read_bytes() == first
    # A run that starts anew is another run.
    with pytest.raises(StepWentBack, match=r"has traces up to step 6, but training starts at step 0\. Give every run its own"):
        train(tmp_path / "b", [GrokscopeCallback(small.probe(), tmp_path / "traces")])
    assert "Training goes on from step 4; set aside: step-6.safetensors.superseded" in caplog.text


def test_bad_options_end_before_the_first_step_and_later_errors_do_not_end_training(tmp_path, caplog):
    with pytest.raises(RoutersNotFound):
        train(tmp_path, [GrokscopeCallback(small.probe(), tmp_path / "traces", routers="nothing")])

    def forward(model, batch):
        raise RuntimeError("out of memory")

    train(tmp_path, [GrokscopeCallback(small.probe(), tmp_path / "traces", forward=forward)])
    assert "No trace of step 6: out of memory. Training goes on." in caplog.text
    with pytest.raises(RuntimeError, match="out of memory"):
        train(tmp_path, [GrokscopeCallback(small.probe(), tmp_path / "more", forward=forward, strict=True)])

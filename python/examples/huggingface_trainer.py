"""Hugging Face Trainer: a trace at every checkpoint that the trainer saves."""

from transformers import Trainer, TrainingArguments

from grokscope.callbacks.huggingface import GrokscopeCallback


def train(model, data):
    args = TrainingArguments("run", max_steps=2000, save_steps=100, report_to=[])
    Trainer(model, args, train_dataset=data, callbacks=[GrokscopeCallback("samples.jsonl", "traces/")]).train()

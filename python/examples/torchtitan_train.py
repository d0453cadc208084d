"""torchtitan: a trace after every checkpoint. Start it like torchtitan's own train.py."""

from torchtitan.config import ConfigManager

from grokscope.callbacks.torchtitan import watch

if __name__ == "__main__":
    trainer = ConfigManager().parse_args().build()
    watch(trainer, "samples.jsonl", "traces/")
    trainer.train()

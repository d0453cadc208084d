"""Names of modules without what wrappers add to them."""

from __future__ import annotations


def clean(name: str) -> str:
    """A module's name without the parts that torch.compile, FSDP and activation checkpointing add."""
    added = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
    return ".".join(part for part in name.split(".") if part not in added)

"""Callbacks for training frameworks. Each module imports its framework only when the module is imported.

A callback checks before training that routers and folder can be used, and raises if not. During training it only logs
what fails, so that recording never ends a training run; `strict=True` raises.
"""

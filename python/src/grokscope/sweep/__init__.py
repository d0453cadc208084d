"""Records many existing checkpoints, on one machine or on many: `python -m grokscope.sweep checkpoints.txt …`.

Work is split into tasks of one checkpoint and one shard of the samples. A task writes one part file; once all parts of a
checkpoint are there, they are merged into its trace. Every step is repeatable: what is complete is skipped, so a sweep
that was cut anywhere goes on when the same command is given again.
"""

#!/usr/bin/env python3
"""Write the Grokscope trace of one checkpoint with hooks on routers that you name, for models of unknown families.

    pip install ./python[transformers]
    python examples/trace_with_hooks.py MODEL samples.jsonl --step 5000 -o step-5000.safetensors --router 'mlp\\.gate$'

MODEL and samples.jsonl are those of write_trace.py. --router is a regular expression for the names of the routers: modules with
a `weight` [experts, width] whose input is the hidden states of the tokens. If no name matches, the modules that could be routers
are listed. Gates are means of softmax over all experts of `weight` times input, or of sigmoid scores over their sum
(--gate-kind, if the family is not known).
"""

from grokscope.record import main

if __name__ == "__main__":
    main(__doc__.splitlines()[0], router=r"(mlp|block_sparse_moe|feed_forward)\.(gate|router)$")

#!/usr/bin/env python3
"""Write the Grokscope trace of one checkpoint of a mixture-of-experts model with transformers.

    pip install ./python[transformers]
    python examples/write_trace.py MODEL samples.jsonl --step 5000 -o step-5000.safetensors

MODEL is a folder or a name that transformers can load. Run the script once per checkpoint, with the same samples, or all
checkpoints at once with `python -m grokscope.sweep`. samples.jsonl has one JSON object per line: "id", "domain", and
"input_ids" or "text"; optional "targets", as long as the ids: the token to predict at each position, or -100 for none
(default: the ids shifted by one).

Gates are means of softmax over all experts, or of sigmoid scores over their sum if the family's routers score by sigmoid; the
file states which (`gate_kind`). For a family that is not known, give --gate-kind. Hooks on the routers, which are found by
family, read what they compute; for a model whose routers are not found, use trace_with_hooks.py.
"""

from grokscope.record import main

if __name__ == "__main__":
    main()

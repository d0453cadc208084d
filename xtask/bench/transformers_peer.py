"""Runs a checkpoint over samples with transformers on the CPU, in float32, and prints the seconds of the forward
pass (weights loaded before) as JSON. `cargo xtask bench engine` calls it: transformers_peer.py CHECKPOINT SAMPLES THREADS
"""

import json
import sys
import time

import torch
import transformers

checkpoint, samples, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
with open(samples) as lines:
    ids = torch.tensor([json.loads(line)["input_ids"] for line in lines])
model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
seconds = []
cpu = []
with torch.inference_mode():
    # The first pass also sets things up; the best of the others counts.
    for _ in range(3):
        start = time.perf_counter()
        start_cpu = time.process_time()
        out = model(input_ids=ids, output_router_logits=True, use_cache=False)
        logits = out.logits[:, :-1].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten(), reduction="none")
        gates = [layer.float().softmax(-1).view(*ids.shape, -1).mean(1) for layer in out.router_logits]
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
print(json.dumps({
    "seconds": min(seconds[1:]), "cpu_seconds": min(cpu[1:]),
    "versions": f"transformers {transformers.__version__}, torch {torch.__version__}",
    "loss": loss.view(len(ids), -1).mean(1).tolist(), "gates": gates[-1][0].tolist(),
}))

import json, torch
from safetensors.torch import save_file
gates = torch.stack([torch.stack([z.float().softmax(-1).mean(0) for z in layers]) for layers in router_logits])
about = {"format": "grokscope.trace", "version": "1", "step": str(step), "gate_kind": "softmax-mean", "samples": json.dumps(samples)}
save_file({"gates": gates, "loss": loss, "n_tokens": n_tokens}, f"step-{step}.safetensors", metadata=about)

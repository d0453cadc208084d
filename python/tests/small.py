"""Small models with routers, for tests of the collector."""

import torch
from torch import nn

from grokscope import ProbeSet, Sample

VOCABULARY, WIDTH, EXPERTS, TOP_K = 32, 16, 4, 2


def probe(count=6, seed=0, longest=9):
    """Samples of several lengths."""
    generator = torch.Generator().manual_seed(seed)
    lengths = [1 + (at * 5) % longest for at in range(count)]
    ids = [torch.randint(0, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]
    return ProbeSet([Sample(f"s{at}", "math" if at % 2 else "code", tuple(one)) for at, one in enumerate(ids)])


class Mixture(nn.Module):
    """Experts behind a router; the sum over the selected ones."""

    def __init__(self, router):
        super().__init__()
        self.router = router
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(EXPERTS))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        # torchtitan and others count tokens in buffers; here in evaluation mode too.
        self.calls += 1
        weights = self.weights(x)
        return sum(weights[..., at, None] * expert(x) for at, expert in enumerate(self.experts))

    def weights(self, x):
        logits = self.router(x)
        top = logits.topk(TOP_K, -1)
        return torch.zeros_like(logits).scatter(-1, top.indices, top.values.softmax(-1))


class Model(nn.Module):
    """A causal model without attention: each token sees the mean of those before it."""

    def __init__(self, layers=2, router=None):
        super().__init__()
        make = router or (lambda: nn.Linear(WIDTH, EXPERTS, bias=False))
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Mixture(make()) for _ in range(layers))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, input_ids):
        x = self.embedding(input_ids)
        places = torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]
        for layer in self.layers:
            x = x + layer(self.dropout(x.cumsum(1) / places))
        return self.head(x)


def model(seed=0, **options):
    torch.manual_seed(seed)
    return Model(**options)


def expected(model, probe):
    """Mean gates [S, L, E] and losses [S], one sample after the other, in float64."""
    gates, losses = [], []
    model.eval()
    for sample in probe.samples:
        logits, handles = [], []
        for layer in model.layers:
            hook = layer.router.register_forward_hook(lambda _, __, output, kept=logits: kept.append(output))
            handles.append(hook)
        with torch.no_grad():
            out = model(torch.tensor([sample.input_ids]))[0]
        for handle in handles:
            handle.remove()
        gates.append(torch.stack([one[0].double().softmax(-1).mean(0) for one in logits]))
        nll = nn.functional.cross_entropy(out[:-1], torch.tensor(sample.input_ids[1:], dtype=torch.long), reduction="sum")
        losses.append(nll / (len(sample.input_ids) - 1))
    return torch.stack(gates).numpy(), torch.stack(losses).numpy()

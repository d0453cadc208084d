"""A stand-in for nanoMoE's model with its interface: class names, attributes and the forms of its forward functions."""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F


class Router(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k, self.n_exp, self.use_noisy_top_k = config.top_k, config.n_exp, config.use_noisy_top_k
        self.w_g = nn.Linear(config.n_embd, config.n_exp, bias=False)
        self.w_noise = nn.Linear(config.n_embd, config.n_exp, bias=False) if self.use_noisy_top_k else None

    def forward(self, x):
        logits = self.w_g(x)
        if self.use_noisy_top_k:
            logits = logits + F.softplus(self.w_noise(x)) * torch.randn_like(logits)
        values, ids = logits.topk(self.top_k, dim=-1)
        # Softmax over the selected experts only.
        weights = torch.full_like(logits, float("-inf")).scatter(-1, ids, values).softmax(-1)
        # Per token, expert and place in the batch of the expert, of which there is one here.
        weights = weights.view(-1, self.n_exp, 1)
        return (weights > 0).sum((0, 2)), weights, weights.bool()


class MOELayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.router = Router(config)
        self.experts = nn.ModuleList(nn.Linear(config.n_embd, config.n_embd) for _ in range(config.n_exp))

    def forward(self, x):
        _, weights, _ = self.router(x)
        rows = x.reshape(-1, x.shape[-1])
        return sum(weights[:, at] * expert(rows) for at, expert in enumerate(self.experts)).view(x.shape)


class Block(nn.Module):
    def __init__(self, config, use_moe):
        super().__init__()
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MOELayer(config) if use_moe else nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x):
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, use_noisy_top_k=False):
        super().__init__()
        self.config = config = SimpleNamespace(
            n_embd=16, n_exp=4, top_k=2, use_noisy_top_k=use_noisy_top_k, block_size=64, vocab_size=32
        )
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(config.vocab_size, config.n_embd),
            "h": nn.ModuleList(Block(config, at % 2 == 1) for at in range(4)),
            "ln_f": nn.LayerNorm(config.n_embd),
        })  # fmt: skip
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx, targets=None):
        x = self.transformer.wte(idx)
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

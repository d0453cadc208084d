"""Sums of gates per sample and layer, on the device, in float64 or in compensated float32."""

from __future__ import annotations

import torch


class GateSums:
    """Sums of gates and numbers of tokens, for S samples, L layers and E experts.

    Where a device has no float64 (Apple's GPUs), a sum is a pair of float32, with the rounding errors in the second one.
    """

    def __init__(self, samples: int, layers: int, experts: int, device: torch.device, float64: bool | None = None) -> None:
        self.float64 = has_float64(device) if float64 is None else float64
        kind = torch.float64 if self.float64 else torch.float32
        self._sums = torch.zeros(samples, layers, experts, dtype=kind, device=device)
        self._errors = None if self.float64 else torch.zeros_like(self._sums)
        self._counts = torch.zeros(samples, layers, dtype=torch.int32, device=device)

    def add(self, layer: int, places: torch.Tensor, of_row: torch.Tensor, gates: torch.Tensor) -> None:
        """Adds tokens to their samples.

        `places` [B] are the samples of a batch, `of_row` [tokens] says which of them a token belongs to, and `gates` are
        float32 [tokens, E].
        """
        batch = len(places)
        one_hot = of_row[None, :] == torch.arange(batch, device=of_row.device)[:, None]
        self._counts[places, layer] += one_hot.sum(1, dtype=torch.int32)
        if self._errors is None:
            # A product with zeros and ones adds in a fixed order; scattered additions on a GPU would not.
            self._sums[places, layer] += one_hot.double() @ gates.double()
            return
        for row in range(batch):
            total, error = compensated_sum(gates[one_hot[row]])
            place = places[row]
            total, more = _two_sum(self._sums[place, layer], total)
            self._sums[place, layer] = total
            self._errors[place, layer] += error + more

    def totals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Sums [S, L, E] and numbers of tokens [S, L] in float64; on the CPU if the device has none."""
        if self._errors is None:
            return self._sums, self._counts.double()
        return self._sums.cpu().double() + self._errors.cpu().double(), self._counts.cpu().double()


def compensated_sum(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum over the first axis and the sum of its rounding errors, both in the type of `rows`."""
    error = torch.zeros_like(rows[:1]).sum(0)
    while len(rows) > 1:
        if len(rows) % 2:
            rows = torch.cat([rows, torch.zeros_like(rows[:1])])
        rows, errors = _two_sum(rows[0::2], rows[1::2])
        error = error + errors.sum(0)
    return (rows[0] if len(rows) else error), error


def _two_sum(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Knuth's: the rounded sum and its exact rounding error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def has_float64(device: torch.device) -> bool:
    """Whether a device computes in float64."""
    return device.type != "mps"

"""What the clients of inference servers share: samples in, one JSON line per sample out. Standard library only."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any


def options(about: str, url: str) -> argparse.ArgumentParser:
    """The options that all clients have; `url` is the usual address of the server."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("samples")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--url", default=url, help="address of the server")
    parser.add_argument("--step", type=int, required=True, help="training step of the checkpoint")
    parser.add_argument("--num-experts", type=int, help="experts per layer; ids only give a lower bound")
    parser.add_argument("--key", help="API key, if the server requires one")
    return parser


class Server:
    """A server that answers JSON."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url, self.key = url, key

    def ask(self, path: str, body: Any = None) -> Any:
        """The answer to a request; ends the program with a sentence if there is none."""
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{self.url}{path}: status {error.code}: {error.read().decode(errors='replace')[:500]}")
        except OSError as error:
            sys.exit(f"{self.url}{path}: {error}. Check that the server runs, or give its address with --url.")


def mean_loss(likelihoods: Sequence[float]) -> float | None:
    """Mean negative log-likelihood, in nats; None without likelihoods."""
    return -sum(likelihoods) / len(likelihoods) if likelihoods else None


def record(
    samples: str, output: str, about: dict[str, Any], answer: Callable[[dict[str, Any]], tuple[dict[str, Any], float | None]]
) -> None:
    """Writes one line per sample: its name, what is known of the checkpoint, its loss, and the server's answer."""
    known = {name: value for name, value in about.items() if value is not None}
    with open(samples, encoding="utf-8") as given, open(output, "w", encoding="utf-8") as written:
        for line in filter(str.strip, given):
            sample = json.loads(line)
            got, loss = answer(sample)
            own = {"sample_id": sample["id"], "domain": sample.get("domain", "all"), **known}
            if loss is not None:
                own["loss"] = loss
            written.write(json.dumps({**own, **got}) + "\n")

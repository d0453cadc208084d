"""Tests of the vLLM and SGLang clients with a local server that returns recorded responses. Standard library only.

    python examples/tests/run.py test_clients.py

UPDATE_EXPECT=1 rewrites the expected files.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
TRACES = EXAMPLES.parent / "tests" / "fixtures" / "traces"


def recorded(name):
    """Recorded responses."""
    return [json.loads(line) for line in (TRACES / name).read_text(encoding="utf-8").splitlines()]


class Server:
    """Returns responses in order, and records the requests."""

    def __init__(self, answers, status=200):
        self.asked = []
        left = iter(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                self.reply(handler, 200, {"object": "list", "data": [{"id": "base-bf16", "object": "model"}]})

            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.asked.append((handler.path, body, handler.headers.get("Authorization")))
                self.reply(handler, status, next(left) if status == 200 else {"message": "no such key"})

            def log_message(handler, *_):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever)

    @staticmethod
    def reply(handler, status, body):
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def run(script, samples, *options):
    """Runs a script on samples; returns its exit status, messages and output file."""
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder, "samples.jsonl"), Path(folder, "step-5000.jsonl")
        given.write_text("".join(json.dumps(sample) + "\n" for sample in samples), encoding="utf-8")
        command = [sys.executable, EXAMPLES / script, given, "--step", "5000", "-o", output, *options]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        written = output.read_text(encoding="utf-8") if output.exists() else ""
        return ended.returncode, ended.stderr, written


def likelihoods(count):
    """Log-likelihoods of a prompt's tokens except the first; multiples of 1/8, whose sums are exact."""
    return [-(place % 7 + 1) / 8 for place in range(count - 1)]


class Clients(unittest.TestCase):
    maxDiff = None

    def expect(self, name, written):
        """The output is the file that the reader tests read."""
        path = TRACES / "clients" / name
        if os.environ.get("UPDATE_EXPECT"):
            path.write_text(written, encoding="utf-8")
        self.assertEqual(written, path.read_text(encoding="utf-8"))

    def vllm(self, name):
        """Runs the client on the responses of a file; returns requests, output and prompts."""
        answers = recorded(name)
        prompts = [answer["prompt_token_ids"] for answer in answers]
        for answer, prompt in zip(answers, prompts):
            values = likelihoods(len(prompt))
            answer["choices"][0]["prompt_logprobs"] = [None] + [
                {str(token): {"logprob": value, "rank": 1, "decoded_token": ""}}
                for token, value in zip(prompt[1:], values)
            ]
        samples = [{"id": f"sample {at}", "domain": "math", "input_ids": prompt} for at, prompt in enumerate(prompts)]
        with Server(answers) as server:
            code, words, written = run("vllm_client.py", samples, "--url", server.url, "--num-experts", "8")
        self.assertEqual((code, words), (0, ""))
        return server.asked, written, prompts

    def test_vllm_is_asked_for_ids_and_likelihoods(self):
        asked, written, prompts = self.vllm("vllm-lists.jsonl")
        self.assertEqual([body["prompt"] for _, body, _ in asked], prompts)
        for path, body, key in asked:
            self.assertEqual((path, key), ("/v1/completions", None))
            wanted = {"model": "base-bf16", "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0, "return_token_ids": True}
            self.assertEqual({name: body[name] for name in wanted}, wanted)
        self.expect("vllm.jsonl", written)

    def test_every_form_of_vllm_is_kept_as_it_came(self):
        for name in ["vllm-lists.jsonl", "vllm-npy.jsonl", "vllm-encoded.jsonl"]:
            _, written, prompts = self.vllm(name)
            for at, (line, answer, prompt) in enumerate(zip(written.splitlines(), recorded(name), prompts, strict=True)):
                values = likelihoods(len(prompt))
                own = {"sample_id": f"sample {at}", "domain": "math", "step": 5000, "num_experts": 8, "loss": -sum(values) / len(values)}
                self.assertEqual(json.loads(line), {**own, **answer}, name)

    def test_sglang_is_asked_for_ids_and_likelihoods(self):
        answers = recorded("sglang-generate.jsonl")
        prompts = [answer["input_ids"] for answer in answers]
        for answer, prompt in zip(answers, prompts):
            values = [None, *likelihoods(len(prompt))]
            answer["meta_info"]["input_token_logprobs"] = [[value, token, None] for value, token in zip(values, prompt)]
            answer["meta_info"]["output_token_logprobs"] = [[-0.5, 1, None]]
        # Text is not sent together with ids: servers accept only one of them.
        samples = [{"id": f"sample {at}", "domain": "code", "input_ids": prompt, "text": "x"} for at, prompt in enumerate(prompts)]
        with Server(answers) as server:
            code, words, written = run("sglang_client.py", samples, "--url", server.url, "--num-experts", "8", "--top-k", "2")
        self.assertEqual((code, words), (0, ""))
        for (path, body, _), prompt in zip(server.asked, prompts, strict=True):
            self.assertEqual(path, "/generate")
            self.assertEqual(body, {
                "input_ids": prompt, "sampling_params": {"max_new_tokens": 1, "temperature": 0}, "return_routed_experts": True,
                "return_logprob": True, "logprob_start_len": 0,
            })
        for line, answer in zip(written.splitlines(), recorded("sglang-generate.jsonl"), strict=True):
            self.assertEqual(json.loads(line)["meta_info"], answer["meta_info"])
        self.expect("sglang.jsonl", written)

    def test_text_is_sent_as_it_is_and_no_likelihoods_make_no_loss(self):
        sample = {"id": 7, "text": "two words"}
        with Server(recorded("vllm-lists.jsonl")) as server:
            code, words, written = run("vllm_client.py", [sample], "--url", server.url, "--key", "secret")
        self.assertEqual((code, words), (0, ""))
        [(_, body, key)] = server.asked
        self.assertEqual((body["prompt"], key), ("two words", "Bearer secret"))
        record = json.loads(written)
        self.assertEqual((record["sample_id"], record["domain"], "loss" in record), (7, "all", False))
        with Server(recorded("sglang-generate.jsonl")) as server:
            code, words, written = run("sglang_client.py", [sample], "--url", server.url)
        self.assertEqual((code, words), (0, ""))
        [(_, body, _)] = server.asked
        self.assertEqual((body["text"], "input_ids" in body, "loss" in json.loads(written)), ("two words", False, False))

    def test_a_server_without_ids_is_told_how_to_start(self):
        for script, answer, flag in [
            ("vllm_client.py", {"choices": [{"text": ""}]}, "Start vLLM with --enable-return-routed-experts"),
            ("sglang_client.py", {"text": "", "meta_info": {}}, "Start SGLang with --enable-return-routed-experts"),
        ]:
            with Server([answer]) as server:
                code, words, written = run(script, [{"id": 1, "text": "x"}], "--url", server.url)
            self.assertEqual((code, written), (1, ""))
            self.assertIn(flag, words)
            with Server([], status=401) as server:
                code, words, _ = run(script, [{"id": 1, "text": "x"}], "--url", server.url)
            self.assertEqual(code, 1)
            self.assertRegex(words, "status 401: .*no such key")
            code, words, _ = run(script, [{"id": 1, "text": "x"}], "--url", server.url)
            self.assertEqual(code, 1)
            self.assertIn("Check that the server runs", words)


if __name__ == "__main__":
    unittest.main()

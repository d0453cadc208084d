"""Tests of the transformers scripts on the small checkpoints of tests/fixtures, with their known values.

    cargo xtask examples

Needs the packages of examples/requirements.txt. UPDATE_EXPECT=1 rewrites the file that the reader tests read.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from safetensors import safe_open

EXAMPLES = Path(__file__).resolve().parent.parent
FIXTURES = EXAMPLES.parent / "tests" / "fixtures"
CASES = ["base-bf16", "gqa-f32", "wide-f16"]
# Checkpoints of other families; folders without shards hold expected values only.
FAMILIES = sorted(path.parent.name for path in (FIXTURES / "families").glob("*/model.safetensors.index.json"))
SIGMOID = ["deepseek_v3", "dots1", "glm4_moe"]
KEPT = FIXTURES / "traces" / "clients" / "hooks.safetensors"


def read(path):
    """Returns tensors and metadata of a file."""
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


class Transformers(unittest.TestCase):
    def trace(self, script, case, *options, folder="olmoe"):
        """Runs a script on a checkpoint; returns its output and the path."""
        checkpoint = FIXTURES / folder / case
        output = Path(self.folder.name, f"{script}-{case}.safetensors")
        # Run in the parent folder, so that the model name does not depend on the location of the project.
        command = [sys.executable, EXAMPLES / script, case, f"{case}/samples.jsonl", "--step", "5000", "-o", output, *options]
        ended = subprocess.run(command, cwd=checkpoint.parent, capture_output=True, text=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return *read(output), output

    def check(self, script, case, *options, folder="olmoe", gate_kind="softmax-mean", gates=2e-6, loss=2e-5):
        """Gates, losses and ids equal the known values, within the tolerances of the README."""
        made, about, output = self.trace(script, case, *options, folder=folder)
        expected, _ = read(FIXTURES / folder / case / "expected.safetensors")
        np.testing.assert_allclose(made["gates"], expected["mean_gates"], rtol=0, atol=gates)
        np.testing.assert_allclose(made["loss"], expected["nll"], rtol=0, atol=loss, equal_nan=True)
        ids = [expected[f"topk_ids.{sample}"].transpose(1, 0, 2) for sample in range(6)]
        np.testing.assert_array_equal(made["topk_ids"], np.concatenate(ids))
        counts = [len(one) for one in ids]
        np.testing.assert_array_equal(made["n_tokens"], counts)
        np.testing.assert_array_equal(made["offsets"], np.cumsum([0, *counts]))
        self.assertEqual(made["router_weight"].shape[:2], made["gates"].shape[1:])
        names = [json.loads(line) for line in (FIXTURES / folder / case / "samples.jsonl").read_text().splitlines()]
        self.assertEqual(json.loads(about["samples"]), [{"id": one["id"], "domain": one["domain"]} for one in names])
        known = {"format": "grokscope.trace", "version": "1", "gate_kind": gate_kind, "step": "5000", "model": case}
        self.assertEqual({name: about[name] for name in known}, known)
        return made, about, output

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_router_logits(self):
        for case in CASES:
            with self.subTest(case):
                self.check("write_trace.py", case, "--batch-size", "4")

    def test_hooks(self):
        for case in CASES:
            with self.subTest(case):
                self.check("trace_with_hooks.py", case)

    def test_other_families(self):
        self.assertGreaterEqual(len(FAMILIES), 4)
        for script in ["write_trace.py", "trace_with_hooks.py"]:
            for case in FAMILIES:
                with self.subTest(case, script=script):
                    kind = "sigmoid-normalized-mean" if case in SIGMOID else "softmax-mean"
                    self.check(script, case, folder="families", gate_kind=kind, gates=5e-6, loss=5e-5)

    def test_a_kind_that_is_given_goes_before_the_family(self):
        expected, _ = read(FIXTURES / "families" / "deepseek_v3" / "expected.safetensors")
        for script in ["write_trace.py", "trace_with_hooks.py"]:
            made, about, _ = self.trace(script, "deepseek_v3", "--gate-kind", "softmax-mean", folder="families")
            self.assertEqual(about["gate_kind"], "softmax-mean")
            self.assertGreater(np.abs(made["gates"] - expected["mean_gates"]).max(), 1e-3)

    def test_a_family_that_is_not_known_is_asked_about(self):
        code = (
            "from types import SimpleNamespace as Config"
            "\nfrom grokscope.gates import kind_of_config as kind"
            "\nassert kind(Config(model_type='new', scoring_func='sigmoid')) == 'sigmoid-normalized-mean'"
            "\nassert kind(Config(model_type='new'), 'softmax-mean') == 'softmax-mean'"
            "\nkind(Config(model_type='new_moe'))"
        )
        ended = subprocess.run([sys.executable, "-c", code], cwd=EXAMPLES, capture_output=True, text=True, check=False)
        self.assertEqual(ended.returncode, 1)
        self.assertRegex(ended.stderr, "new_moe: whether its routers score .* is not known.*--gate-kind")

    def test_the_file_that_the_reader_opens_is_of_this_script(self):
        made, about, output = self.check("trace_with_hooks.py", "base-bf16")
        if os.environ.get("UPDATE_EXPECT"):
            shutil.copy(output, KEPT)
        kept, kept_about = read(KEPT)
        self.assertEqual(about, kept_about)
        self.assertEqual({name: (one.dtype, one.shape) for name, one in made.items()}, {name: (one.dtype, one.shape) for name, one in kept.items()})
        for name, one in made.items():
            np.testing.assert_allclose(one, kept[name], rtol=0, atol=2e-5, equal_nan=True, err_msg=name)

    def test_a_model_without_such_routers_says_what_to_give(self):
        with self.assertRaisesRegex(AssertionError, "no module's name matches 'nothing'.*Give --router"):
            self.trace("trace_with_hooks.py", "base-bf16", "--router", "nothing")


if __name__ == "__main__":
    unittest.main()

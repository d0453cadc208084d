"""Runs the tests of the files here that match a pattern, and prints the numbers of passed and failed tests.

    python examples/tests/run.py 'test_clients.py'
"""

import os
import sys
import unittest
from pathlib import Path

# The scripts use the package in `python`, installed or not.
SOURCE = Path(__file__).resolve().parents[2] / "python" / "src"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
sys.path.insert(0, str(SOURCE))

suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent), pattern=sys.argv[1])
result = unittest.TextTestRunner(verbosity=2).run(suite)
failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
print(f"test result: {result.testsRun - failed} passed; {failed} failed")
# Running no test is a failure.
sys.exit(not result.wasSuccessful() or result.testsRun == 0)

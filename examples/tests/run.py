"""Runs the tests in the files here whose names fit a pattern, and closes with how many passed and failed.

    python examples/tests/run.py 'test_clients.py'
"""

import sys
import unittest
from pathlib import Path

suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent), pattern=sys.argv[1])
result = unittest.TextTestRunner(verbosity=2).run(suite)
failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
print(f"test result: {result.testsRun - failed} passed; {failed} failed")
# No test at all is no success.
sys.exit(not result.wasSuccessful() or result.testsRun == 0)

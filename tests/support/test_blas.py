"""Products of matrices use one thread while any thread asks for it, and as many as before afterwards."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, where no other library sets the number of threads meanwhile.
SCRIPT = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from threadpoolctl import threadpool_info
from rangegeo.support.blas import one_thread

def threads():
    return {part["num_threads"] for part in threadpool_info() if "numpy" in part["filepath"]}

np.ones((2, 2)) @ np.ones((2, 2))
before = threads()
here, there = one_thread(), one_thread()
with ThreadPoolExecutor(1) as pool:
    here.__enter__()
    pool.submit(there.__enter__).result()
    assert threads() == {1}
    here.__exit__(None, None, None)
    assert threads() == {1}
    pool.submit(there.__exit__, None, None, None).result()
assert threads() == before
"""


def test_the_last_one_restores_the_number():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

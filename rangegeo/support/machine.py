"""How fast this machine is now, beside the one that estimates of time were measured on."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numcodecs import Blosc

PROBES = 16  # compressions that are timed
USUAL = 0.0015  # seconds of one, where the rates of `rangegeo.cubes.cost` were measured: two cores, nothing else to do


@lru_cache
def slowness() -> float:
    """How many times as long as there the machine takes to compress, with all its cores and what else it does.

    Chunks of 4 MB are compressed, as for an output, once a process and for about 20 milliseconds.
    """
    values = np.sin(np.arange(2**20, dtype=np.float32) / 500)
    codec = Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(codec.encode, [values] * PROBES))  # the first ones are slower
        start = time.perf_counter()
        list(pool.map(codec.encode, [values] * PROBES))
        return (time.perf_counter() - start) / PROBES / USUAL

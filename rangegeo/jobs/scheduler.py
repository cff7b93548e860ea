"""How much of the machine a job uses."""

from __future__ import annotations

import dask
import torch


def use_threads(threads: int | None) -> None:
    """Limit torch and dask to so many threads; None leaves all cores to both."""
    if threads is not None:
        torch.set_num_threads(threads)
        dask.config.set(num_workers=threads)

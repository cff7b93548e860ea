"""The machine: what it is, how fast it multiplies and copies, how time is taken, and what a bare machine lacks."""

from __future__ import annotations

import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec

import torch

from rangegeo.field.precision import full_precision

ENOUGH = 2.0  # seconds after which a measurement is not repeated any more
ROUNDS = 5  # of a measurement, at most


class Skipped(Exception):
    """What is asked for cannot be done here; the text says why."""


@dataclass(slots=True, kw_only=True)
class Clock:
    """Where and how a run measures, and how much of its time is left.

    Attributes:
        device: the device that is measured.
        small: whether sizes are those of a trial.
        seconds: that the run may take.
        rates: what `machine` has measured, by name.
    """

    device: torch.device
    small: bool
    seconds: float
    rates: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def passed(self) -> float:
        """Seconds since the run has started."""
        return time.perf_counter() - self.started

    def left(self) -> float:
        """Seconds until it should end."""
        return self.seconds - self.passed()

    def either(self, full: int, small: int) -> int:
        """A size."""
        return small if self.small else full

    def time(self, work: Callable[[], object], rounds: int = ROUNDS) -> float:
        """The median of the seconds that some work takes on the device. One run before is not counted.

        A GPU works on while Python goes on, so each time ends only when the device has nothing left to do.
        """
        times: list[float] = []
        for _ in range(1 + (1 if self.small else rounds)):
            synchronize(self.device)
            start = time.perf_counter()
            work()
            synchronize(self.device)
            times.append(time.perf_counter() - start)
            if len(times) > 1 and sum(times) > ENOUGH:
                break
        return statistics.median(times[1:])


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def need(**packages: str) -> None:
    """Raise Skipped if a package cannot be imported; given as name of the module = name on PyPI."""
    missing = sorted({package for module, package in packages.items() if not _there(module.replace("__", "."))})
    if missing:
        raise Skipped(f"needs {', '.join(missing)}")


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


ENGINE = {name: name for name in ("affine", "attrs", "cachetools", "certifi", "pyproj", "shapely")}
ENGINE |= {"odc__geo": "odc-geo"}
MODELS = ENGINE | {name: name for name in ("filelock", "pandas", "platformdirs", "pyarrow", "safetensors")}
CUBES = MODELS | {name: name for name in ("dask", "rasterio", "xarray", "zarr")} | {"zarr_cm": "zarr-cm"}


def memory(device: torch.device) -> dict[str, float]:
    """The most memory so far, in GB: of the process, and of torch on the device since this was last asked."""
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"process_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 3)}
    if device.type == "cuda":
        found["device_gb"] = round(torch.cuda.max_memory_allocated(device) / 1e9, 3)
        torch.cuda.reset_peak_memory_stats(device)
        torch.cuda.empty_cache()
    return found


def machine(clock: Clock) -> Iterator[tuple[str, dict]]:
    """What the machine is, and the rates with which all other speeds are compared."""
    device = clock.device
    facts: dict[str, object] = {
        "device": str(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cpu_threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        facts |= {
            "card": card.name,
            "memory_gb": round(card.total_memory / 1e9, 1),
            "multiprocessors": card.multi_processor_count,
            "capability": f"{card.major}.{card.minor}",
            "driver": _driver(),
        }
    yield "is", facts
    side = clock.either(8192, 256)
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        one, other = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(2))
        out = torch.empty_like(one)
        with full_precision():
            seconds = clock.time(lambda one=one, other=other, out=out: torch.mm(one, other, out=out))
        clock.rates[name] = 2 * side**3 / seconds
    source = torch.ones(clock.either(2**28, 2**20), dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    clock.rates["copy"] = 2 * source.nbytes / clock.time(lambda: target.copy_(source))
    yield (
        "rates",
        {
            "float32_matrix_tflops": round(clock.rates["float32"] / 1e12, 3),
            "float64_matrix_tflops": round(clock.rates["float64"] / 1e12, 3),
            "copy_gb_per_second": round(clock.rates["copy"] / 1e9, 1),
            "how": f"products of {side} x {side} without TF32; a copy counts what it reads and what it writes",
        },
    )


def _driver() -> str | None:
    """The version of the card's driver; None if nvidia-smi is not there."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return None

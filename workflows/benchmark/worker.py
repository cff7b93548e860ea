"""One side of the benchmark in a process of its own, since both packages are named rangegeo.

    python worker.py upstream|ours SETTINGS

SETTINGS is JSON: checkpoint, database, folder of points (NAME.npy of lon, lat) and of results, threads. Every line
read from standard input is a task and the name of points; it is run once, the beginning of its first result is kept as
FOLDER/SIDE-TASK-NAME.npy, and the seconds that it took are printed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

DEGREE = 40
KEPT = 5000  # rows of a result
TOLERANCE = 1e-5  # of interpolation, relative to each component's largest value
Tasks = dict[str, Callable[[np.ndarray], np.ndarray]]


def upstream(checkpoint: str, database: str) -> Tasks:
    from rangegeo.satclip.positional_encoding import SphericalHarmonics

    import rangegeo

    if rangegeo.__version__ != "0.1.0":
        raise SystemExit(f"expected the point package rangegeo 0.1.0, imported {rangegeo.__file__}")
    model = rangegeo.RANGE(model_name="RANGE+", beta=0.5, device="cpu", pretrained_path=checkpoint, db_path=database)
    return {"one": model.encode, "basis": _basis(SphericalHarmonics(DEGREE))}


def ours(checkpoint: str, database: str) -> Tasks:
    import rangegeo as rg
    from rangegeo.field.harmonics import SphericalHarmonics

    model = rg.load_model("RANGE+", weights=checkpoint, db=database, device="cpu")
    return {
        "one": lambda points: model.encode(points, beta=0.5),
        "near": lambda points: model.encode(points, beta=0.5, tolerance=TOLERANCE),
        "three": lambda points: model.encode(points, beta=(0, 0.5, 1)),
        "basis": _basis(SphericalHarmonics(DEGREE)),
    }


def _basis(harmonics: torch.nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    def basis(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return harmonics(torch.from_numpy(points)).numpy()

    return basis


SIDES = {"upstream": upstream, "ours": ours}


def main() -> None:
    side, settings = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    tasks = SIDES[side](settings["checkpoint"], settings["database"])
    folder = Path(settings["folder"])
    print(json.dumps(sorted(tasks)), flush=True)
    for line in sys.stdin:
        task, name = line.split()
        points = np.load(folder / f"{name}.npy")
        start = time.perf_counter()
        result = tasks[task](points)
        seconds = time.perf_counter() - start
        kept = folder / f"{side}-{task}-{name}.npy"
        if not kept.exists():
            np.save(kept, result[..., :KEPT, :])
        del result  # or the next run would pay for memory of its own
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()

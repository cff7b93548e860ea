"""Whole rasters, from the model in memory to a Zarr store on disk."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from gpu_database import make_field, satclip
from gpu_machine import CUBES, Clock, need, synchronize

WEST, SOUTH = 5.0, 44.0
ROWS = 100_000  # of the database
ROOT = Path(__file__).resolve().parents[2]


def pca_raster(clock: Clock) -> Iterator[tuple[str, dict]]:
    """10,000 x 10,000 pixels of three principal components, at 0.0005 degrees."""
    yield from _written(clock, "pca", clock.either(10_000, 64), 0.0005, pca=3)


def cube(clock: Clock) -> Iterator[tuple[str, dict]]:
    """512 x 512 pixels of all bands, at 0.01 degrees, for one beta and for three."""
    side = clock.either(512, 64)
    yield from _written(clock, "one_beta", side, 0.01, betas=0.5)
    yield from _written(clock, "three_betas", side, 0.01, betas=(0, 0.5, 1))


def planet(clock: Clock) -> Iterator[tuple[str, dict]]:
    """A part of a planet, and how long the whole Earth takes at this speed. Tiles over oceans may be faster."""
    need(**CUBES)
    with tempfile.TemporaryDirectory(prefix="rangegeo-gpu-") as folder, _known_version(Path(folder)):
        import zarr

        import rangegeo as rg
        from rangegeo.jobs.planet_options import PlanetArea
        from rangegeo.spectral.layout import root_bounds, root_columns

        box = clock.either((0.0, 30.0, 41.0, 51.0), (5.0, 44.0, 6.0, 45.0))
        model, every = synthetic_model(clock), root_bounds(root_columns())
        roots = len(PlanetArea(bbox=box).roots(every)[0])
        start = time.perf_counter()
        path = Path(folder) / "planet.zarr"
        rg.build_planet(path, model, bbox=box)
        seconds = time.perf_counter() - start
        facts = zarr.open_group(path, mode="r").attrs
        yield (
            "part",
            {
                "rows": len(model.field.keys),
                "root_tiles": roots,
                "seconds": round(seconds, 2),
                "seconds_of_the_earth": round(seconds * len(every) / roots, 1),
                "stored_gb": round(_stored_gb(path), 6),
                "evaluations": int(facts["evaluations"]),
                "measured_error": float(facts["measured_error"]),
                "passed": facts["measured_error"] <= facts["tolerance"],
            },
        )


def _stored_gb(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e9


def _written(clock: Clock, name: str, side: int, res: float, **options: Any) -> Iterator[tuple[str, dict]]:
    """Make one raster and write it; how long that takes, and how long a raw write of the same array takes."""
    need(**CUBES)
    box = (WEST, SOUTH, WEST + side * res, SOUTH + side * res)
    with tempfile.TemporaryDirectory(prefix="rangegeo-gpu-") as folder, _known_version(Path(folder)):
        import xarray as xr

        import rangegeo as rg

        start = time.perf_counter()
        model = synthetic_model(clock)
        made = time.perf_counter()
        lazy = rg.raster(box, res, model=model, **options)
        prepared = time.perf_counter()
        path = Path(folder) / "cube.zarr"
        lazy.rangegeo.to_zarr(path)
        synchronize(clock.device)
        written = time.perf_counter()
        with xr.open_zarr(path, chunks=None) as stored:  # `open_cube` would need rasterio
            sample = stored["embedding"][..., :16, :16].values
            measured_error = float(stored.attrs["measured_error"])
        yield (
            name,
            {
                "shape": list(lazy.shape),
                "rows": len(model.field.keys),
                "model_seconds": round(made - start, 2),
                "fit_seconds": round(prepared - made, 2),
                "write_seconds": round(written - prepared, 2),
                "pixels_per_second": round(side**2 / (written - made), 1),
                "stored_gb": round(_stored_gb(path), 6),
                "raw_write_seconds": round(_raw_write(path, Path(folder) / "raw.zarr"), 2),
                "measured_error": measured_error,
                "passed": bool(np.isfinite(sample).all() and measured_error <= 1e-5),
            },
        )


def synthetic_model(clock: Clock) -> Any:
    """RANGE+ over a drawn database, as a model that this process has loaded."""
    from rangegeo.models import load
    from rangegeo.models.neural import NeuralModel
    from rangegeo.models.spec import ModelSpec

    rows = clock.either(ROWS, 300)
    field = make_field(satclip(clock.small).to(clock.device), rows, clock.either(1024, 24), clock.device)
    drawn = {"weights": "drawn", "db": "drawn", "weights_sha256": "0" * 64, "db_sha256": "0" * 64}
    facts = {role: {"file": "drawn", "sha256": "0" * 64} for role in ("encoder", "database")}
    model = NeuralModel(ModelSpec(name="RANGE+", device=str(clock.device), **drawn), field, facts)
    load._LOADED[model.spec] = model  # dask's tasks find it by its spec, as they find models from files
    return model


def _raw_write(path: Path, target: Path) -> float:
    """Seconds that the same values, in memory already, take by the same codec; the file is removed."""
    import zarr

    source = zarr.open_group(path, mode="r")["embedding"]
    values = source[:]
    start = time.perf_counter()
    written = zarr.create_array(
        target, shape=source.shape, chunks=source.chunks, dtype=source.dtype, compressors=source.compressors
    )
    written[:] = values
    seconds = time.perf_counter() - start
    shutil.rmtree(target)
    return seconds


@contextmanager
def _known_version(folder: Path) -> Iterator[None]:
    """A context in which a checkout that is not installed knows its version, which every cube states."""
    if _is_installed():
        yield
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"rangegeo-{project['version']}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: rangegeo\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _is_installed() -> bool:
    try:
        version("rangegeo")
    except PackageNotFoundError:
        return False
    return True

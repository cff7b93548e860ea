"""`xr.open_dataset("alps.zarr", engine="rangegeo")`: cubes through xarray's own door.

xarray imports this module whenever it looks for engines, so whatever reads cubes is imported when one is opened.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import xarray as xr
from xarray.backends import BackendEntrypoint

OURS = ("rangegeo_has_beta", "rangegeo_version")  # one of these attributes is in every file that rangegeo writes


class RangegeoBackend(BackendEntrypoint):
    """Zarr stores and GeoTIFFs that rangegeo wrote, as a Dataset with the one variable `embedding`."""

    description = "Embedding cubes that rangegeo wrote: Zarr stores and GeoTIFFs"
    url = "https://arxiv.org/abs/2502.19781"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self, filename_or_obj: str | os.PathLike, *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.Dataset:
        """Lazily indexed, not backed by dask, so that xarray's own `chunks` decides.

        Raises:
            CubeError: there is no cube at the path.
        """
        import rangegeo.accessor  # noqa: F401, registers .rangegeo
        from rangegeo.stores.opening import open_cube

        cube = open_cube(filename_or_obj, chunks=None)
        dataset = cube.to_dataset().drop_vars([] if drop_variables is None else drop_variables, errors="ignore")
        if "band" in cube.encoding.get("preferred_chunks", {}) and "band_name" in dataset.coords:
            dataset["band_name"].encoding["preferred_chunks"] = {"band": cube.encoding["preferred_chunks"]["band"]}
        dataset.set_close(cube.close)
        return dataset

    def guess_can_open(self, filename_or_obj: object) -> bool:
        """Only what rangegeo wrote, on this machine: other files are left to other engines."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        path = Path(filename_or_obj)
        try:
            if path.suffix.lower() in (".tif", ".tiff"):
                return path.is_file() and any(name in _tags(path) for name in OURS)
            return any(name in _group_attributes(path) for name in OURS)
        except (OSError, ValueError, AttributeError):  # unreadable, no JSON, JSON of another shape
            return False


def _group_attributes(path: Path) -> dict:
    """Attributes of a Zarr group in either format; none if it is something else."""
    for name, key in (("zarr.json", "attributes"), (".zattrs", None)):
        if (path / name).is_file():
            content = json.loads((path / name).read_text())
            return content.get(key, {}) if key else content
    return {}


def _tags(path: Path) -> dict:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as file:
                return file.tags()
        except RasterioIOError:
            return {}

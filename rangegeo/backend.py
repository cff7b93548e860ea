"""The engine "rangegeo" of xarray: `xr.open_dataset("alps.zarr", engine="rangegeo")`.

xarray imports this module whenever it looks for engines, so everything that takes time to import is imported only when
a cube is opened.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

OURS = ("rangegeo_has_beta", "rangegeo_version")  # every file that rangegeo writes has one of these attributes


class RangegeoBackend(BackendEntrypoint):
    """Opens Zarr stores and GeoTIFFs that rangegeo wrote, as a Dataset with one variable, `embedding`."""

    description = "Embedding cubes that rangegeo wrote: Zarr stores and GeoTIFFs"
    url = "https://arxiv.org/abs/2502.19781"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(  # type: ignore[override]  # xarray's other sources of data are refused with a CubeError
        self, filename_or_obj: str | os.PathLike[str], *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.Dataset:
        """Open a cube. Its values are indexed lazily and not held by dask, so the `chunks` of xarray decide about that.

        Args:
            filename_or_obj: the path of a Zarr store or a GeoTIFF.
            drop_variables: names of coordinates to leave out.
        Raises:
            CubeError: there is no cube at the path.
        """
        import rangegeo.accessor  # noqa: F401, it registers .rangegeo
        from rangegeo.stores.opening import open_cube

        cube = open_cube(os.fspath(filename_or_obj), chunks=None)
        dataset = cube.to_dataset().drop_vars([] if drop_variables is None else drop_variables, errors="ignore")
        if "band" in cube.encoding.get("preferred_chunks", {}) and "band_name" in dataset.coords:
            dataset["band_name"].encoding["preferred_chunks"] = {"band": cube.encoding["preferred_chunks"]["band"]}
        dataset.set_close(cube.close)
        return dataset

    def guess_can_open(self, filename_or_obj: object) -> bool:
        """Whether this is a local file that rangegeo wrote; all others are left to other engines."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        path = Path(filename_or_obj)
        try:
            if path.suffix.lower() in (".tif", ".tiff"):
                return path.is_file() and any(name in _tags(path) for name in OURS)
            return any(name in _group_attributes(path) for name in OURS)
        except (OSError, ValueError, AttributeError):  # it is unreadable, no JSON, or JSON of another shape
            return False


def _group_attributes(path: Path) -> dict[str, Any]:
    """The attributes of a Zarr group of format 3 or 2; none if the path is something else."""
    for name, key in (("zarr.json", "attributes"), (".zattrs", None)):
        if (path / name).is_file():
            content = json.loads((path / name).read_text())
            return content.get(key, {}) if key else content
    return {}


def _tags(path: Path) -> dict[str, str]:
    """The metadata of a GeoTIFF; none if it cannot be read."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as file:
                return file.tags()
        except RasterioIOError:
            return {}

"""The engine behind `xr.open_dataset("alps.zarr", engine="rangegeo")`.

xarray imports this module whenever it looks for engines, so the modules that read cubes are imported only when a cube
is opened.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr
from xarray.backends import BackendEntrypoint

if TYPE_CHECKING:
    from xarray.backends import AbstractDataStore
    from xarray.core.types import ReadBuffer

OURS = ("rangegeo_has_beta", "rangegeo_version")  # every file that rangegeo writes has one of these attributes


class RangegeoBackend(BackendEntrypoint):
    """Opens Zarr stores and GeoTIFFs that rangegeo wrote, as a Dataset with one variable, `embedding`."""

    description = "Embedding cubes that rangegeo wrote: Zarr stores and GeoTIFFs"
    url = "https://arxiv.org/abs/2502.19781"
    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self,
        filename_or_obj: str | os.PathLike[Any] | ReadBuffer[Any] | bytes | memoryview | AbstractDataStore,
        *,
        drop_variables: str | Iterable[str] | None = None,
    ) -> xr.Dataset:
        """Open a cube with lazy indexing and without dask, so that the argument `chunks` of xarray decides.

        Args:
            filename_or_obj: the path of a cube; nothing else can be opened.
            drop_variables: names of variables and coordinates to leave out.
        Raises:
            CubeError: there is no cube at the path, or it is no path.
        """
        import rangegeo.accessor  # noqa: F401, registers .rangegeo
        from rangegeo.errors import CubeError
        from rangegeo.stores.opening import open_cube

        if not isinstance(filename_or_obj, str | os.PathLike):
            raise CubeError(f"expected the path of a cube, got {type(filename_or_obj).__name__}")
        cube = open_cube(os.fspath(filename_or_obj), chunks=None)
        dataset = cube.to_dataset().drop_vars([] if drop_variables is None else drop_variables, errors="ignore")
        if "band" in cube.encoding.get("preferred_chunks", {}) and "band_name" in dataset.coords:
            dataset["band_name"].encoding["preferred_chunks"] = {"band": cube.encoding["preferred_chunks"]["band"]}
        dataset.set_close(cube.close)
        return dataset

    def guess_can_open(self, filename_or_obj: object) -> bool:
        """Whether this is a local file or folder that rangegeo wrote; other engines open all others."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        from rangegeo.support.paths import local_path

        path = local_path(filename_or_obj)
        try:
            if path.suffix.lower() in (".tif", ".tiff"):
                return path.is_file() and any(name in _tags(path) for name in OURS)
            return any(name in _group_attributes(path) for name in OURS)
        except (
            OSError,
            ValueError,
            AttributeError,
            RecursionError,
        ):  # it cannot be read, is no JSON, or is JSON of another shape
            return False


def _group_attributes(path: Path) -> dict:
    """The attributes of a Zarr group in format 2 or 3; empty if the path is something else."""
    for name, key in (("zarr.json", "attributes"), (".zattrs", None)):
        if (path / name).is_file():
            content = json.loads((path / name).read_text(encoding="utf-8"))
            return content.get(key, {}) if key else content
    return {}


def _tags(path: Path) -> dict:
    """The tags of a GeoTIFF; empty if GDAL cannot open it."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path.absolute(), driver="GTiff") as file:
                return file.tags()
        except RasterioIOError:
            return {}

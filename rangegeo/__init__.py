"""Georeferenced embedding rasters from the RANGE location model.

    import rangegeo as rg
    cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))   # lazy xarray.DataArray
    cube.rangegeo.to_zarr("alps.zarr")

Names are imported when they are first used, so that `import rangegeo` is quick.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "load_model": "rangegeo.models.model",
    "Model": "rangegeo.models.model",
    "RANGE": "rangegeo.models.dropin",
    "load_satclip_location_encoder": "rangegeo.models.dropin",
    "raster": "rangegeo.cubes.raster",
    "open_cube": "rangegeo.stores.opening",
    "similarity": "rangegeo.analysis.similarity",
    "RangegeoError": "rangegeo.errors",
}
_WITH_ACCESSOR = {"raster", "open_cube"}  # what they return has the .rangegeo accessor

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rangegeo' has no attribute {name!r}")
    if name in _WITH_ACCESSOR:
        import_module("rangegeo.accessor")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__

"""Georeferenced embedding rasters from the RANGE location model.

    import rangegeo as rg
    cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))   # lazy xarray.DataArray
    cube.rangegeo.to_zarr("alps.zarr")

Names are imported when they are first used, so that `import rangegeo` is quick.

The packages, from the top down; each imports only those below it:

    cli                                  the shell: a file a verb
    view                                 a page in the browser, and tiles for web maps
    accessor, backend                    cube.rangegeo, and xarray's engine "rangegeo"
    jobs                                 whole jobs: check, compute, write, measure
    reports                              what cubes are
    suite, databases                     public data that encoders are compared on; databases of a user's own
    evaluation                           from labels to maps that were tested
    picture, analysis                    what cubes look like and tell
    cubes                                a raster as one value, its dask graph, and what is derived from it
    stores, tables                       files of cubes, and tables of places
    models                               location models: specs, loading, embedding
    weights, engine                      files of weights; interpolation of anything that gives components
    encoders, colours, places, schema    location encoders; colours; places as users give them; what a cube is
    field, grid                          the neural field in torch; grids of pixels
    support, errors                      what every package may need
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rangegeo.analysis.similarity import similarity
    from rangegeo.cubes.mosaic import mosaic
    from rangegeo.cubes.raster import raster
    from rangegeo.errors import RangegeoError
    from rangegeo.evaluation.comparison import Evaluation
    from rangegeo.evaluation.evaluate import evaluate
    from rangegeo.evaluation.learning import fit_map
    from rangegeo.evaluation.maps import FittedMap
    from rangegeo.jobs.build_database import build_database
    from rangegeo.jobs.build_planet import build_planet
    from rangegeo.jobs.plan import plan
    from rangegeo.jobs.train import train_encoder
    from rangegeo.jobs.verify import verify
    from rangegeo.models.dropin import RANGE, load_satclip_location_encoder
    from rangegeo.models.load import load_model
    from rangegeo.models.model import Model
    from rangegeo.models.wrapping import wrap
    from rangegeo.stores.opening import open_cube
    from rangegeo.suite.scored import evaluate_suite

    __version__: str
else:
    _HOMES = {
        "load_model": "rangegeo.models.load",
        "wrap": "rangegeo.models.wrapping",
        "Model": "rangegeo.models.model",
        "RANGE": "rangegeo.models.dropin",
        "load_satclip_location_encoder": "rangegeo.models.dropin",
        "raster": "rangegeo.cubes.raster",
        "plan": "rangegeo.jobs.plan",
        "build_planet": "rangegeo.jobs.build_planet",
        "build_database": "rangegeo.jobs.build_database",
        "train_encoder": "rangegeo.jobs.train",
        "mosaic": "rangegeo.cubes.mosaic",
        "open_cube": "rangegeo.stores.opening",
        "similarity": "rangegeo.analysis.similarity",
        "evaluate": "rangegeo.evaluation.evaluate",
        "evaluate_suite": "rangegeo.suite.scored",
        "Evaluation": "rangegeo.evaluation.comparison",
        "fit_map": "rangegeo.evaluation.learning",
        "FittedMap": "rangegeo.evaluation.maps",
        "verify": "rangegeo.jobs.verify",
        "RangegeoError": "rangegeo.errors",
    }
    _WITH_ACCESSOR = {"raster", "open_cube", "mosaic", "fit_map", "FittedMap"}  # what they give has cube.rangegeo

    def __getattr__(name):
        from importlib import import_module
        from importlib.metadata import version

        if name == "__version__":
            return version("rangegeo")
        if name not in _HOMES:
            raise AttributeError(f"module 'rangegeo' has no attribute {name!r}")
        if name in _WITH_ACCESSOR:
            import_module("rangegeo.accessor")
        return getattr(import_module(_HOMES[name]), name)

    def __dir__():
        return __all__


__all__ = [
    "RANGE",
    "Evaluation",
    "FittedMap",
    "Model",
    "RangegeoError",
    "__version__",
    "build_database",
    "build_planet",
    "evaluate",
    "evaluate_suite",
    "fit_map",
    "load_model",
    "load_satclip_location_encoder",
    "mosaic",
    "open_cube",
    "plan",
    "raster",
    "similarity",
    "train_encoder",
    "verify",
    "wrap",
]

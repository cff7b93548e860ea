"""Maps of what an estimator of scikit-learn, or one with its methods, predicts from the embedding of each pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import dask.array as da
import numpy as np
import xarray as xr

from rangegeo.analysis.pixels import layered, pixels_like
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.schema.cube import check_pixels, is_in_memory
from rangegeo.schema.facts import computed_from

PIXELS = 65_536  # are predicted at a time, because estimators make float64 copies of what they are given
INTEGER_NODATA = -1


class Estimator(Protocol):
    """A fitted estimator of scikit-learn, or anything that predicts from a table with a row for each pixel."""

    def predict(self, features: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What an estimator gives.

    Attributes:
        dtype: of the map.
        nodata: the value of pixels without data.
        outputs: how many values each pixel has; None for one value without an axis of its own.
        codes: the class labels that are not numbers, each of which stands for its position; None if there are none.
        labels: the coordinate of the outputs; None to count them from 0.
        attrs: attributes of the map.
    """

    dtype: np.dtype
    nodata: float | int
    outputs: int | None
    codes: np.ndarray | None = None
    labels: np.ndarray | None = None
    attrs: dict[str, Any] = field(default_factory=dict)


def predict(cube: xr.DataArray, estimator: Estimator, *, method: str = "predict") -> xr.DataArray:
    """Predict from the embedding of every pixel, block by block.

    The features of a pixel are its bands, in the order of the cube. An estimator that was fitted on a DataFrame whose
    columns are names of bands gets these bands, in its own order.

    Args:
        cube: (band, y, x), or (beta, band, y, x) with one beta.
        estimator: a fitted estimator with a method `predict`.
        method: the method that is called: "predict", "predict_proba" or another one that gives numbers or classes.
    Returns:
        (y, x) with the labels, the grid and the CRS of the cube; (output, y, x) if the estimator gives several values
        for a pixel, or (class, y, x) for probabilities. Numbers keep their type, and are NaN where a pixel has no data.
        Classes that are integers keep their values. Other classes become their positions from 0 on: the attributes
        flag_values and flag_meanings tell what they mean, and `classes` has the names as they are. Where a pixel has no
        data they are -1, or one less than the lowest class; integers of an estimator without classes are -2147483648
        there. The result is lazy if the cube is lazy.
    Raises:
        UsageError: the cube has several betas, or the estimator has no such method or other features than the cube.
    """
    if not callable(getattr(estimator, method, None)):
        expected = "a fitted estimator of scikit-learn or another with its methods"
        raise UsageError(f"predict needs {expected}, got {type(estimator).__name__}, which has no {method}")
    cube = _of_one_beta(cube)
    bands = _bands(cube, estimator)
    lazy = as_lazy(cube.isel(band=bands) if bands is not None else cube)
    call = _caller(estimator, method)
    kind = _kind(estimator, method, call, lazy.sizes["band"])
    data = layered(lazy)[0].rechunk({0: -1})
    before: tuple[str, ...] = ()
    options = {"call": call, "kind": kind, "dtype": kind.dtype}
    if kind.outputs is None:
        values = da.map_blocks(_predicted, data, drop_axis=0, **options)
    else:
        chunks = ((kind.outputs,), *data.chunks[1:])
        axis = "class" if kind.labels is not None else "output"
        values, before = da.map_blocks(_predicted, data, chunks=chunks, **options), (axis,)
    attrs = {"long_name": computed_from(cube.drop_encoding()) or "prediction"} | kind.attrs
    found = pixels_like(cube, values, "prediction", attrs, before)
    if before:
        count = kind.outputs or 0
        found = found.assign_coords({before[0]: np.arange(count) if kind.labels is None else kind.labels})
    holder = found.encoding if kind.dtype.kind == "f" else found.attrs  # where rioxarray looks for it
    holder["_FillValue"] = kind.dtype.type(kind.nodata)
    return found.compute() if is_in_memory(cube) else found


def _of_one_beta(cube: xr.DataArray) -> xr.DataArray:
    """(band, y, x) of a cube that has one beta or none."""
    if "beta" in cube.dims and cube.sizes["beta"] != 1:
        betas = ", ".join(f"{beta:g}" for beta in cube["beta"].values[:6])
        raise UsageError(
            f"predict needs one beta, the one that the estimator was fitted on, got {betas}; for example .sel(beta=1)"
        )
    cube = cube.isel(beta=0) if "beta" in cube.dims else cube
    check_pixels(cube)
    if cube.dtype.kind != "f":
        raise UsageError(f"the cube holds stored {cube.dtype}; open it with rangegeo.open_cube to have its values")
    return cube.transpose("band", "y", "x")


def _bands(cube: xr.DataArray, estimator: Estimator) -> list[int] | None:
    """The positions of the bands that are the features of an estimator; None for all bands as they are.

    Raises:
        UsageError: the cube has another number of bands than the estimator has features.
    """
    fitted = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    names = cube["band_name"].values.tolist() if "band_name" in cube.coords else []
    if fitted and set(fitted) <= set(names):
        return [names.index(name) for name in fitted]
    count = getattr(estimator, "n_features_in_", None)
    if count is not None and count != cube.sizes["band"]:
        raise UsageError(
            f"the estimator was fitted on {count} features, and the cube has {cube.sizes['band']} bands; give it the "
            "bands that it was fitted on, for example with .sel(band=...)"
        )
    return None


def _caller(estimator: Estimator, method: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function of features (n, bands) to what the estimator says of them."""
    called = getattr(estimator, method)
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return lambda features: np.asarray(called(features))
    import pandas as pd

    return lambda features: np.asarray(called(pd.DataFrame(features, columns=names)))


def _kind(estimator: Estimator, method: str, call: Callable[[np.ndarray], np.ndarray], bands: int) -> _Kind:
    """What an estimator gives, found by asking it about one pixel of zeros."""
    one = call(np.zeros((1, bands), dtype=np.float32))
    outputs = one.shape[1] if one.ndim > 1 else None
    classes = getattr(estimator, "classes_", None)
    if classes is not None and not isinstance(classes, np.ndarray):
        classes = None  # several outputs have a list of classes each
    if one.dtype.kind == "f":
        labels = classes if method != "predict" and classes is not None and len(classes) == outputs else None
        return _Kind(dtype=one.dtype, nodata=np.nan, outputs=outputs, labels=labels)
    if one.dtype.kind in "iu":
        if classes is None:  # clusters, or the 1 and -1 of detectors of outliers
            return _Kind(dtype=np.dtype(np.int32), nodata=np.iinfo(np.int32).min, outputs=outputs)
        low, high = int(classes.min()), int(classes.max())
        nodata = min(INTEGER_NODATA, low - 1)
        wide = nodata < np.iinfo(np.int32).min or high > np.iinfo(np.int32).max
        return _Kind(dtype=np.dtype(np.int64 if wide else np.int32), nodata=nodata, outputs=outputs)
    if classes is None or outputs is not None:
        raise UsageError(f"the estimator predicts values of the type {one.dtype}; a map needs numbers or classes")
    names = [str(name) for name in classes]
    attrs = {
        "flag_values": np.arange(len(names), dtype=np.int16),
        "flag_meanings": " ".join(_words(names)),
        "classes": names,
    }
    return _Kind(dtype=np.dtype(np.int16), nodata=INTEGER_NODATA, outputs=None, codes=classes, attrs=attrs)


def _words(names: Sequence[str]) -> list[str]:
    """Names of classes as CF has them: one word each, and no two alike."""
    words: list[str] = []
    for name in names:
        word = whole = "_".join(name.split()) or "no_name"
        number = 2
        while word in words:
            word, number = f"{whole}_{number}", number + 1
        words.append(word)
    return words


def _predicted(block: np.ndarray, call: Callable[[np.ndarray], np.ndarray], kind: _Kind) -> np.ndarray:
    """The map (y, x) or (outputs, y, x) of a block (bands, y, x)."""
    bands, height, width = block.shape
    features = block.reshape(bands, -1).T
    out = np.full((height * width, kind.outputs or 1), kind.nodata, dtype=kind.dtype)
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    for first in range(0, len(known), PIXELS):
        some = known[first : first + PIXELS]
        found = call(np.ascontiguousarray(features[some]))
        if kind.codes is not None:
            found = np.searchsorted(kind.codes, found)
        out[some] = found.reshape(len(some), -1)
    shape = (height, width) if kind.outputs is None else (kind.outputs, height, width)
    return cast(np.ndarray, out.T.reshape(shape))

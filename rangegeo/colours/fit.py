"""Colours for embeddings: three directions in the space of the bands become red, green and blue.

The default is principal directions. Independent directions with equalised histograms are what the authors of RANGE draw
(arXiv:2502.19781; visualize_embeddings.py of mvrl/RANGE, 2025). One fit of the directions serves all betas. With the
stretch "shared" the same vector has the same colour everywhere. With "each" every beta has shades from darkest to full
colour, so that a beta which varies little is no blank picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rangegeo.errors import UsageError, argument
from rangegeo.field.principal import principal_directions
from rangegeo.schema.bands import embedding_bands
from rangegeo.support.optional import import_optional

SMALLEST_SPAN = 1e-4  # of the mean; a smaller range is round-off and is not stretched from black to white
LOW, HIGH = 2.0, 98.0  # percentiles that become black and full colour; QGIS cuts at the same ones by default
ICA_ITERATIONS = 1000  # the same as in visualize_embeddings.py
STRETCHES = ("shared", "each")
PAINTED_AT_ONCE = 4096  # pixels; painting converts them to float64


@dataclass(frozen=True, slots=True, eq=False)
class Colours:
    """A map from bands to colours: a linear map, and then a curve for each colour.

    Attributes:
        mean: (bands,) float64.
        directions: (3, bands) float64; the scores of a pixel are (bands - mean) @ directionsᵀ.
        knots: (3, k) rising scores that become k evenly spaced shades from darkest to full colour.
    """

    mean: np.ndarray
    directions: np.ndarray
    knots: np.ndarray

    def paint(self, values: np.ndarray) -> np.ndarray:
        """Paint pixels.

        Args:
            values: (bands, ...) of any float dtype.
        Returns:
            (3, ...) uint8 shades from 1 to 255; 0 where a band is not finite.
        """
        flat = values.reshape(len(self.mean), -1)
        offset = self.directions @ self.mean
        shades = np.empty((3, flat.shape[1]), np.uint8)
        for start in range(0, flat.shape[1], PAINTED_AT_ONCE):
            part = slice(start, start + PAINTED_AT_ONCE)
            # Float64 scores hide the round-off of BLAS, which depends on how the pixels are divided into blocks.
            with np.errstate(invalid="ignore"):
                scores = self.directions @ flat[:, part].astype(np.float64) - offset[:, None]
            shades[:, part] = self._shades(scores)
        return shades.reshape(3, *values.shape[1:])

    def _shades(self, scores: np.ndarray) -> np.ndarray:
        """Scores (3, n) to uint8 shades (3, n); 0 where a score is not finite."""
        scale = np.linspace(1, 255, self.knots.shape[1])
        curves = [np.interp(score, knots, scale) for score, knots in zip(scores, self.knots, strict=True)]
        return np.where(np.isfinite(scores).all(axis=0), np.rint(curves), 0).astype(np.uint8)


def fit_colours(
    sample: np.ndarray, method: str = "pca", seed: int = 0, *, names: Sequence[str] | None = None
) -> Colours:
    """Fit colours to a sample. The result is deterministic; a degenerate sample gives grey.

    Args:
        sample: (n, bands); rows with NaN are left out. A single band becomes grey.
        method: "pca" for principal directions, with 2 % cut off at both ends of each colour; "ica" for independent
            directions with equalised histograms; "bands" for three bands as they are, with the cut of "pca".
        seed: the seed of "ica".
        names: the names of the bands; with them "pca" and "ica" leave diagnostics out.
    Raises:
        UsageError: there is no such method.
        MissingPackage: the method is "ica" and scikit-learn is not installed.
    """
    if method not in METHODS:
        expected = f"one of {', '.join(METHODS)}"
        raise UsageError(argument="method", expected=expected, got=repr(method), example="pca")
    find, _ = METHODS[method]
    sample = _whole_rows(sample)
    if names is not None and method != "bands":
        kept = embedding_bands(names)
        return _with_unused_bands(fit_colours(sample[:, kept], method, seed), kept, len(names))
    if method == "bands" and sample.shape[1] not in (1, 3):
        expected = 'for 1 band or 3 bands where it is "bands"'
        raise UsageError(argument="method", expected=expected, got=f"{sample.shape[1]} bands", example="pca")
    mean = sample.mean(axis=0)
    directions = np.ones((3, 1)) if sample.shape[1] == 1 else find(sample, _smallest_span(mean), seed)
    return _stretched(mean, directions, sample, method)


def fit_betas(
    samples: Sequence[np.ndarray],
    method: str = "pca",
    seed: int = 0,
    *,
    stretch: str = "shared",
    names: Sequence[str] | None = None,
) -> tuple[Colours, ...]:
    """Fit colours to several betas. The directions are those of all samples together.

    Args:
        samples: (n, bands) of each beta.
        method, seed, names: as in `fit_colours`.
        stretch: "shared" for one stretch of all betas; "each" for a stretch of every beta from its own darkest to its
            own fullest colour.
    Returns:
        One element for all betas, or one for each.
    Raises:
        UsageError: there is no such method or stretch.
        MissingPackage: the method is "ica" and scikit-learn is not installed.
    """
    check_stretch(stretch)
    shared = fit_colours(np.concatenate(list(samples)), method, seed, names=names)
    if stretch == "shared" or len(samples) == 1:
        return (shared,)
    return tuple(_stretched(shared.mean, shared.directions, _whole_rows(sample), method) for sample in samples)


def check_stretch(stretch: str) -> None:
    """Refuse a stretch that does not exist.

    Raises:
        UsageError: it is none of "shared" and "each".
    """
    if stretch not in STRETCHES:
        expected = f"one of {', '.join(STRETCHES)}"
        raise UsageError(argument="stretch", expected=expected, got=repr(stretch), example="each")


def _whole_rows(sample: np.ndarray) -> np.ndarray:
    """The rows (n, bands) float64 without NaN; a row of zeros if there is none."""
    sample = sample[np.isfinite(sample).all(axis=1)].astype(np.float64)
    return sample if len(sample) else np.zeros((1, sample.shape[1]))


def _smallest_span(mean: np.ndarray) -> float:
    """The range of a band that is more than round-off."""
    return SMALLEST_SPAN * (np.abs(mean).max() or 1.0)


def _stretched(mean: np.ndarray, directions: np.ndarray, sample: np.ndarray, method: str) -> Colours:
    """Colours whose shades span the scores of a sample."""
    _, percentiles = METHODS[method]
    knots = np.percentile((sample - mean) @ directions.T, percentiles, axis=0).T
    smallest = _smallest_span(sample.mean(axis=0))
    return Colours(mean, directions, _widened(knots, smallest * np.linalg.norm(directions, axis=1)))


def _with_unused_bands(colours: Colours, bands: list[int], count: int) -> Colours:
    """Colours that were fitted to some bands, as colours of all `count` bands; the other bands change nothing."""
    mean, directions = np.zeros(count), np.zeros((3, count))
    mean[bands], directions[:, bands] = colours.mean, colours.directions
    return Colours(mean, directions, colours.knots)


def _widened(knots: np.ndarray, smallest: np.ndarray) -> np.ndarray:
    """Knots (3, k) that span at least `smallest` (3,), so that a raster of one value gets one shade in the middle."""
    smallest = np.where(smallest > 0, smallest, 1.0)
    narrow = knots[:, -1] - knots[:, 0] < smallest
    middle = (knots[:, 0] + knots[:, -1]) / 2
    even = middle[:, None] + smallest[:, None] * np.linspace(-0.5, 0.5, knots.shape[1])
    return np.where(narrow[:, None], even, knots)


def _principal(sample: np.ndarray, smallest: float, seed: int) -> np.ndarray:
    """The three directions in which the sample varies most."""
    _, directions, _ = principal_directions(sample, 3)
    return directions


def _independent(sample: np.ndarray, smallest: float, seed: int) -> np.ndarray:
    """Three independent directions of the standardised bands; if fewer dimensions vary, the last ones are zero."""
    decomposition = import_optional("sklearn.decomposition", argument("method", "ica"))
    from sklearn.exceptions import ConvergenceWarning

    spread = np.maximum(sample.std(axis=0), smallest)
    standard = (sample - sample.mean(axis=0)) / spread
    _, directions, _ = principal_directions(standard, 3)
    sizes = (standard @ directions.T).std(axis=0)
    varying = sizes > 1e-6 * np.sqrt(sample.shape[1])
    whitening = directions[varying] / sizes[varying, None]
    found = np.zeros((3, sample.shape[1]))
    if varying.any():
        model = decomposition.FastICA(whiten=False, random_state=seed, max_iter=ICA_ITERATIONS)
        with warnings.catch_warnings():  # any rotation of the whitened directions gives a picture, converged or not
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(standard @ whitening.T)
        turned = model.components_ @ whitening / spread
        signs = np.sign(turned[np.arange(len(turned)), np.abs(turned).argmax(axis=1)])
        found[: len(turned)] = turned * signs[:, None]
    return found


def _as_they_are(sample: np.ndarray, smallest: float, seed: int) -> np.ndarray:
    """The three bands themselves."""
    return np.eye(3)


# Each method has a function that finds directions (3, bands), given a sample, the smallest span that is no round-off
# and a seed; and the percentiles of the scores that become the knots of the colours.
METHODS: dict[str, tuple[Callable[[np.ndarray, float, int], np.ndarray], tuple[float, ...]]] = {
    "pca": (_principal, (LOW, HIGH)),
    "ica": (_independent, tuple(range(101))),
    "bands": (_as_they_are, (LOW, HIGH)),
}

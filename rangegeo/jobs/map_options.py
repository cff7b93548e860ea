"""What a map is asked for, in groups. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from rangegeo.jobs.options import Content
from rangegeo.support.address import Address
from rangegeo.support.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelInput:
    """A table of labels.

    Attributes:
        labels: path, or - for standard input.
        target: names of the columns to be mapped.
        classes: whether numbers are codes of classes.
        weight: the column of weights; None for equal ones.
        background: a table of places where something was not found, or how many random ones; None for neither.
        lon, lat: columns of longitude and latitude; None for the ones with usual names.
        labels_crs: of the coordinates; None for WGS 84, or what the file says.
        layer, input_format, delimiter, quoting, encoding, decimal: as of `rangegeo.jobs.options.TableInput`.
    """

    labels: str = "-"
    target: tuple[str, ...] = ()
    classes: bool = False
    weight: str | None = None
    background: str | None = None
    lon: str | None = None
    lat: str | None = None
    labels_crs: str | None = None
    layer: str | None = None
    input_format: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How a map is learned and tested, and what it holds.

    Attributes:
        model, weights, db, temperature, geographic_temperature: as of `rangegeo.jobs.options.Content`.
        beta: of the embedding that is learned from; None for S, G and q side by side.
        block: the side of blocks, such as "200km"; None to choose it.
        folds, seeds, seed, baselines: as of `rangegeo.fit_map`.
        spread, probabilities, mask_unlike: as of `rangegeo.FittedMap.raster`.
        clip: as of `rangegeo.fit_map`.
        report: where to write a page about the map; None for none.
        save: where to keep what was learned; None to forget it.
    """

    model: str | Address = "RANGE+"
    weights: str | Address | None = None
    db: str | None = None
    temperature: float | None = None
    geographic_temperature: float | None = None
    beta: float | None = None
    block: str | None = None
    folds: int = 5
    seeds: int = 2
    seed: int = 0
    baselines: bool = True
    spread: bool = True
    probabilities: bool = False
    mask_unlike: bool = False
    clip: bool = True
    report: Location | None = None
    save: Location | None = None

    @property
    def content(self) -> Content:
        """The model, as other jobs ask for it."""
        names = ("model", "weights", "db", "temperature", "geographic_temperature")
        return Content(**{name: getattr(self, name) for name in names})

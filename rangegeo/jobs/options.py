"""What a job is asked for, in groups, each checked where it is used first. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.engine.tolerance import TOLERANCE, check_tolerance
from rangegeo.errors import UsageError, argument
from rangegeo.support.address import Address
from rangegeo.support.destination import STDOUT
from rangegeo.support.location import Location, located
from rangegeo.support.numbers import parse_bytes
from rangegeo.support.planets import names_planet

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from rangegeo.field.recipe import Recipe
    from rangegeo.grid.coords import Labels
    from rangegeo.grid.crs import CrsLike
    from rangegeo.grid.extent import Area
    from rangegeo.grid.like import RasterLike
    from rangegeo.grid.polygons import AreaLike
    from rangegeo.models.model import Model

COMPONENT_BANDS = ("all", ("all", "diagnostics"))  # that go with the layout "components"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Where a raster lies; the fields are the arguments of `rangegeo.grid.extent.choose_extent`."""

    bbox: Sequence[float] | None = None
    res: float | Sequence[float] | None = None
    crs: CrsLike | None = None
    bbox_crs: CrsLike | None = None
    align: bool = False
    like: RasterLike | None = None
    aoi: AreaLike | None = None
    aoi_layer: str | None = None
    all_touched: bool = False

    def choose(self) -> tuple[GeoBox, Area | None]:
        """The grid, and the area within it that is wanted; raises as `choose_extent`."""
        from rangegeo.grid.extent import choose_extent

        return choose_extent(
            self.bbox,
            self.res,
            crs=self.crs,
            bbox_crs=self.bbox_crs,
            align=self.align,
            like=self.like,
            aoi=self.aoi,
            aoi_layer=self.aoi_layer,
            all_touched=self.all_touched,
        )

    def labels(self) -> Labels | None:
        """The labels of the raster that gives the grid; None if the grid gives them."""
        if self.like is None:
            return None
        from rangegeo.grid.like import own_labels

        return own_labels(self.like)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Which model, layers and bands.

    Attributes:
        model: a name that `rangegeo models` lists, or a stored planet.
        weights, db: names or paths of its files; None for those that are its default.
        temperature, geographic_temperature: of its averages; None for the published ones.
        betas: in [0, 1]; empty for the default, 0.5.
        layout: "betas" or "components".
        bands: "all", "visual", "location", "diagnostics", names of bands or their numbers from 1 on, or several.
        pca: number of principal components to project on; None for no projection.
        pca_from: another output, or its JSON, whose components are taken; None to fit them to the raster.
    """

    model: str | Address = "RANGE+"
    weights: str | Address | None = None
    db: str | None = None
    temperature: float | None = None
    geographic_temperature: float | None = None
    betas: tuple[float, ...] = ()
    layout: str = "betas"
    bands: str | tuple[int | str, ...] = "all"
    pca: int | None = None
    pca_from: str | Location | None = None

    def check(self) -> tuple[float, ...]:
        """The betas asked for, or the default one.

        Raises:
            UsageError: the model has no betas, or the layout already holds what the other options ask for.
        """
        info = self.info
        if self.betas and not info.has_beta:
            raise UsageError(f"{argument('betas')} needs a model with betas, and {self.model} has none; leave it out")
        if self.layout == "components":
            given = {
                "betas": bool(self.betas),
                "bands": self.bands not in COMPONENT_BANDS,
                "pca": self.pca is not None,
                "pca_from": self.pca_from is not None,
            }
            surplus = [argument(name) for name, is_given in given.items() if is_given]
            if surplus:
                told = f"{argument('layout', 'components')} holds all of S, G and q"
                raise UsageError(f"{told}; leave out {' and '.join(surplus)}")
        from rangegeo.schema.betas import DEFAULT_BETA, check_betas  # imports numpy, which help does without

        return check_betas(self.betas) if self.betas else (DEFAULT_BETA,)

    @property
    def uses_demo(self) -> bool:
        """Whether these are the weights that are embedded in the package."""
        return (self.weights or self.info.default) == "demo"

    @property
    def is_planet(self) -> bool:
        """Whether the model is read from a stored planet."""
        return names_planet(self.model) or names_planet(self.weights)

    @property
    def info(self) -> ModelInfo:
        """The row of the model in the table of models."""
        if not self.is_planet:
            return model_info(str(self.model))
        from rangegeo.models.planet import planet_row

        return planet_row(self.model, self.weights)

    def load(self, device: str) -> Model:
        """The model, on a device."""
        from rangegeo.models.load import load_model

        return load_model(
            self.model,
            weights=self.weights,
            db=self.db,
            device=device,
            temperature=self.temperature,
            geographic_temperature=self.geographic_temperature,
        )

    def recipe(self, model: Model) -> Recipe:
        """Layers and bands, before any projection."""
        return model.recipe(self.check(), layout=self.layout, bands=self.bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How values are computed.

    Attributes:
        tolerance: largest error of interpolation, relative to each component's largest value; None for the default.
        exact: evaluate everything and interpolate nothing.
        device: auto, cpu, cuda or cuda:i.
        threads: of the processor, of each worker if there are any; None for all cores, which workers share.
        workers: how many processes of this machine compute; None for none but this one.
        scheduler: the address of a cluster of dask.distributed that computes; None for none.
        memory: bytes that all processes together may take, a number or text such as "4GB"; None for no limit.
    """

    tolerance: float | None = None
    exact: bool = False
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None
    scheduler: str | None = None
    memory: str | int | None = None

    def check(self) -> None:
        """Refuse workers that cannot be had.

        Raises:
            UsageError: too few are asked for, or both those of this machine and those of a cluster.
        """
        if self.workers is not None and self.scheduler is not None:
            raise UsageError(
                f"{argument('scheduler')} computes with the workers of that cluster; leave out {argument('workers')}"
            )
        if self.workers is not None and self.workers < 1:
            raise UsageError(argument="workers", expected="at least 1", got=self.workers, example=2)
        for name, given in (("threads", self.threads), ("memory", self.memory)):
            if self.scheduler is not None and given is not None:
                raise UsageError(
                    f"the workers of {argument('scheduler')} have the {name} that they were started with; leave out "
                    f"{argument(name)}"
                )
        _ = self.bytes

    @property
    def bytes(self) -> int | None:
        """The bytes of `memory`.

        Raises:
            UsageError: it is no number of bytes.
        """
        return None if self.memory is None else parse_bytes(self.memory, "memory")

    @property
    def chosen_tolerance(self) -> float | None:
        """Of interpolation; None where everything is evaluated.

        Raises:
            UsageError: both are asked for, or the tolerance is out of its range.
        """
        if not self.exact:
            return TOLERANCE if self.tolerance is None else check_tolerance(self.tolerance)
        if self.tolerance is not None:
            raise UsageError(f"{argument('exact')} evaluates everything; leave out {argument('tolerance')}")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterOutput:
    """What a raster is written to.

    Attributes:
        out: path or address, ending in .zarr or .tif.
        format: zarr, cog or gtiff; None to go by the suffix.
        dtype: float32, float16, int16 or int8.
        scales_from: another output, or its JSON, whose steps integers count in; None for those of the model or raster.
        creation_options: of GDAL's driver, or of `rangegeo.stores.zarr_options`.
        zarr_format: 2 or 3; None for the default, 3.
        chunks: pixels a side of a chunk; None for the default.
        preview: path of a map to draw too; empty for NAME_preview.png, None for none.
        stretch: of the colours of that map, "shared" or "each"; None for the default, "shared".
        overviews: whether a Zarr store gets coarser levels too.
        stac: whether a STAC item is written beside each output.
        overwrite: whether an output that exists is replaced.
        resume: whether to continue what an interrupted run of the same request left.
        extend: whether a Zarr store that exists grows by the raster.
        tiles: pixels a side of the GeoTIFFs in a folder; None for one output.
    """

    out: Location
    format: str | None = None
    dtype: str = "float32"
    scales_from: str | Location | None = None
    creation_options: Mapping[str, str] = field(default_factory=dict)
    zarr_format: int | None = None
    chunks: int | None = None
    preview: str | Location | None = None
    stretch: str | None = None
    overviews: bool = False
    stac: bool = False
    overwrite: bool = False
    resume: bool = False
    extend: bool = False
    tiles: int | None = None

    @property
    def picture(self) -> Location | None:
        """Where the map goes."""
        if self.preview is None:
            return None
        return located(self.preview) if self.preview else self.out.with_name(f"{self.out.stem}_preview.png")

    @property
    def own_paths(self) -> list[tuple[str, Location | None]]:
        """The paths of outputs, by their arguments."""
        return [("out", self.out), ("preview", self.picture)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInput:
    """A table of places.

    Attributes:
        source: path, or - for standard input.
        lon, lat: columns of longitude and latitude, or of x and y; None for the ones with usual names.
        crs: of the coordinates; None for WGS 84, or what the file says.
        layer: of a file that has several.
        input_format: csv, geojson, geojsonl, gpkg or parquet; None to go by the suffix.
        representative_point: whether lines and polygons stand for a point within them.
        invalid: "null" keeps rows without a possible place, "refuse" refuses the table.
        delimiter: of a text table: one character, or its name, such as "tab"; None to find it out.
        quoting: of a text table: "none" if quotation marks are text, "minimal" or "all" if they enclose values; None to
            find it out.
        encoding: of a text table, as Python calls it; None for UTF-8.
        decimal: "." or ",", in coordinates that are text and in all columns of a text table.
    """

    source: str
    lon: str | None = None
    lat: str | None = None
    crs: str | None = None
    layer: str | None = None
    input_format: str | None = None
    representative_point: bool = False
    invalid: str = "null"
    delimiter: str | None = None
    quoting: str | None = None
    encoding: str | None = None
    decimal: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOutput:
    """What a table of embeddings is written to.

    Attributes:
        out: path, ending in .parquet, .geoparquet, .csv, .tsv, .gpkg or .npz; or - for CSV on standard output.
        format: parquet, geoparquet, csv, gpkg or npz; None to go by the suffix.
        shape: "list" for one column of lists, "columns" for a column a band; None for what is usual in the format.
        drop_columns: whether the columns of the table are left out.
        overwrite: whether an output that exists is replaced.
    """

    out: Path
    format: str | None = None
    shape: str | None = None
    drop_columns: bool = False
    overwrite: bool = False

    @property
    def to_stdout(self) -> bool:
        """Whether the table goes to standard output."""
        return str(self.out) == STDOUT

    @property
    def written_to(self) -> str:
        """The output, for messages."""
        return "standard output" if self.to_stdout else str(self.out)

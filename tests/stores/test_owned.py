"""Only a folder that is a Zarr cube and holds nothing else is ever replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from writing import listing

from rangegeo.errors import OutputError
from rangegeo.stores.zarr import write_zarr


@pytest.mark.parametrize("options", [{}, {"zarr_format": 2}, {"creation_options": {"SHARDS": "YES"}}])
@pytest.mark.parametrize(
    "name", ["notes.txt", "embedding/notes.txt", "embedding/c/notes.txt", "mine/thesis.txt", "x/7.md"]
)
def test_files_of_a_user_are_never_removed(cube, tmp_path, options, name):
    write_zarr(cube, tmp_path / "a.zarr", **options)
    (tmp_path / "a.zarr" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "a.zarr" / name).write_text("precious")
    before = listing(tmp_path)
    with pytest.raises(OutputError) as caught:
        write_zarr(cube, tmp_path / "a.zarr", overwrite=True)
    top = name if not name.startswith(("mine", "embedding/c")) or options.get("zarr_format") == 2 else None
    assert f"{tmp_path / 'a.zarr'} holds files that are no part of its store (" in str(caught.value)
    assert top is None or name.split("/")[0] in str(caught.value)
    assert str(caught.value).endswith("); move them, or give another path")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("options", [{}, {"zarr_format": 2}, {"creation_options": {"SHARDS": "YES"}}])
def test_a_cube_alone_is_replaced(cube, tmp_path, options):
    """Also with what GDAL and file managers put beside its chunks."""
    write_zarr(cube, tmp_path / "a.zarr", **options)
    (tmp_path / "a.zarr" / ".DS_Store").write_bytes(b"")
    (tmp_path / "a.zarr" / "embedding" / "zarr.json.gmac").write_bytes(b"")
    write_zarr(cube * 2, tmp_path / "a.zarr", overwrite=True)
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "a.zarr")["embedding"].values, cube.values * 2)
    assert not list((tmp_path / "a.zarr").rglob(".DS_Store"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "is not a Zarr store and was left"),
        ("not JSON", "is not a Zarr store and was left"),
        (
            '{"zarr_format": 3, "node_type": "group", "attributes": {}}',
            r"is a Zarr store but no cube \(dims band, y, x\), and was left",
        ),
    ],
)
def test_a_folder_that_merely_has_a_metadata_file_is_no_cube(cube, tmp_path, text, said):
    home = tmp_path / "home.zarr"
    home.mkdir()
    (home / "zarr.json").write_text(text)
    (home / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=rf"home\.zarr {said}"):
        write_zarr(cube, home, overwrite=True)
    assert (home / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_of_something_else_is_kept(cube, tmp_path, zarr_format):
    other = xr.Dataset({"t2m": (("time", "y", "x"), np.ones((3, 4, 5)))})
    other.to_zarr(tmp_path / "era5.zarr", zarr_format=zarr_format, consolidated=False)
    before = listing(tmp_path)
    with pytest.raises(OutputError, match="is a Zarr store but no cube"):
        write_zarr(cube, tmp_path / "era5.zarr", overwrite=True)
    assert listing(tmp_path) == before


def test_a_store_that_xarray_wrote_of_a_cube_is_a_cube(cube, tmp_path):
    cube.rename("other").to_dataset().drop_encoding().drop_vars("band_name").to_zarr(
        tmp_path / "a.zarr", consolidated=False
    )
    write_zarr(cube * 2, tmp_path / "a.zarr", overwrite=True)
    assert isinstance(tmp_path, Path)
    np.testing.assert_array_equal(xr.open_zarr(tmp_path / "a.zarr")["embedding"].values, cube.values * 2)

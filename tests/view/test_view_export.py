"""The exported page has the main components of a planet, in the layout that the guide specifies."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from helpers.planets import exact

import rangegeo.view.export as exporting
from rangegeo.errors import OutputError, UsageError
from rangegeo.spectral.layout import chebyshev_matrix, find_tiles, positions_in, to_square
from rangegeo.view.assets import ASSETS
from rangegeo.view.export import COMPONENTS, SHADE, _share, export, fold
from rangegeo.view.opening import open_source
from rangegeo.view.sources import spread_over


@pytest.fixture(scope="module")
def site(planet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(planet, tmp_path_factory.mktemp("export") / "site", told=lambda line: None)


def scores(site: Path, part: str, place: np.ndarray) -> np.ndarray:
    """(COMPONENTS,) of a place, as the guide says."""
    field = zarr.open_group(site / "field", mode="r")
    (tile,) = find_tiles(field.attrs["columns"], field["tree/child"][:], field["tree/tile"][:], place[None])
    count = int(field["tiles/count"][field.attrs["parts"].index(part), tile])
    square = to_square(field[f"parts/{part}"][tile], count) * np.array(field.attrs["units"])
    across, down = (
        chebyshev_matrix(count, at, field.attrs["stretch"])
        for at in positions_in(field["tiles/bounds"][tile], place[None]).T
    )
    return np.einsum("i,j,ijb->b", down[0], across[0], square)


def test_scores_are_those_of_the_embedding(viewer, planet, site):
    folded = fold(viewer, planet)
    about = json.loads((site / "view.json").read_text())
    np.testing.assert_allclose(about["mean_scores"], folded.directions @ folded.mean)
    for place in spread_over((-180, -90, 180, 90), 12):
        for part, beta in (("beta0", 0), ("beta1", 1)):
            wanted = (exact(place[None], beta)[0] - folded.mean) @ folded.directions.T
            off = np.abs(scores(site, part, place) - wanted) / folded.units
            assert off.max() <= 3 * SHADE  # three shades


def test_a_share_is_whole_only_if_nothing_is_left_out(site):
    assert [_share(explained) for explained in (1.0, 0.99996, 0.9612)] == ["100%", "99.9%", "96.1%"]
    told = json.loads((site / "view.json").read_text())["told"]
    assert re.search(r"; here 15 components with \d+(\.\d)?% of the variance$", told)


def test_colours_are_those_of_the_server(viewer, site):
    about = json.loads((site / "view.json").read_text())
    colouring = viewer.colouring("pca")
    assert about["colours"]["curves"] == colouring.curves()
    for place in spread_over((-180, -90, 180, 90), 12):
        for part, beta in (("beta0", 0), ("beta1", 1)):
            painted = colouring.colours.paint(exact(place[None], beta).T)[:, 0]
            numbers = 1 + (scores(site, part, place)[:3] - about["colours"]["low"]) / about["colours"]["step"]
            shades = [table[round(number)] for table, number in zip(colouring.shades, numbers, strict=True)]
            assert np.abs(np.array(shades, int) - painted.astype(int)).max() <= 3


def test_the_files_of_the_page_are_there(site):
    assert {path.name for path in site.iterdir()} == {*ASSETS, "lines", "field", "view.json"}
    assert json.loads((site / "view.json").read_text())["static"] is True
    assert sorted(path.name for path in (site / "lines").iterdir()) == ["coarse.bin", "fine.bin", "middle.bin"]


def test_every_chunk_is_a_file(site):
    """A plain file server says 404 for a chunk that is left out, and the console of the browser complains."""
    for part in ("beta0", "beta1"):
        array = zarr.open_array(site / "field/parts" / part, mode="r")
        assert array.nchunks == array.nchunks_initialized
        assert array.shape[2] == COMPONENTS


def test_a_folder_that_is_there_is_kept(planet, site, tmp_path):
    with pytest.raises(
        OutputError, match=r"exists and was left as it is; add overwrite=True to replace it, or give an"
    ):
        export(planet, site)
    (tmp_path / "notes").mkdir()
    with pytest.raises(OutputError, match="notes exists and was left as it is; give another export"):
        export(planet, tmp_path / "notes", overwrite=True)
    with pytest.raises(OutputError, match="does not exist; make it first"):
        export(planet, tmp_path / "lost" / "site")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes"]


@pytest.mark.parametrize(
    "own", [".git/HEAD", "CNAME", "mine.txt", "lines/mine.bin", "field/mine.txt", "field/parts/beta0/c/notes"]
)
def test_files_of_the_user_are_never_replaced(planet, site, tmp_path, own):
    there = tmp_path / "site"
    shutil.copytree(site, there)
    (there / own).parent.mkdir(exist_ok=True)
    (there / own).write_text("mine")
    named = own.partition("/HEAD")[0]
    with pytest.raises(OutputError, match=f"site holds {re.escape(named)}, which no export has written; move it, or "):
        export(planet, there, overwrite=True)
    assert (there / own).read_text() == "mine"


def test_files_that_come_meanwhile_are_kept(planet, site, tmp_path, monkeypatch):
    there = tmp_path / "site"
    shutil.copytree(site, there)
    monkeypatch.setattr(exporting, "_write_field", lambda *_: (there / "CNAME").write_text("mine"))
    with pytest.raises(OutputError, match="holds CNAME"):
        export(planet, there, overwrite=True)
    assert (there / "CNAME").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_export_is_replaced(planet, site, tmp_path):
    there = tmp_path / "site"
    shutil.copytree(site, there)
    (there / "page.js").write_text("old")
    (there / ".DS_Store").touch()
    export(planet, there, overwrite=True, told=lambda line: None)
    assert (there / "page.js").read_bytes() == (site / "page.js").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_only_planets_are_exported(cube_path, tmp_path):
    with pytest.raises(UsageError, match=r"export needs a planet, got cube\.zarr; build one: rangegeo planet build"):
        export(open_source(cube_path), tmp_path / "site")

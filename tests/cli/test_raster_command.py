"""`rangegeo raster`: what it makes, what it prints, and how each option is spelt."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import numpy as np
import pytest
import rasterio
import torch
from typed import MINI, hear_interrupts

import rangegeo as rg
from rangegeo.cli import progress
from rangegeo.cli.arguments import join_numbers, parse_bands
from rangegeo.cli.notices import DEMO_NOTICE


def shell(*arguments: str, folder: Path, **more: object) -> subprocess.CompletedProcess[str]:
    """A real process, as a user starts it."""
    command = [sys.executable, "-m", "rangegeo.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **more)


# ---------------------------------------------------------------------------------------------- what it makes


@pytest.mark.parametrize("suffix", [".zarr", ".tif"])
def test_the_readme_command_small_with_the_embedded_model(folder, suffix):
    arguments = ("raster", "--bbox", "5,44,10,48", "--res", "0.5", "--beta", "0,0.5,1", "-o", f"alps{suffix}")
    done = shell(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == DEMO_NOTICE
    assert lines[1].startswith("evaluating on ")
    assert re.match(rf"alps\{suffix}: 3 betas, \d+ bands, 10 x 8 pixels, \S+ kB before compression, about", lines[2])
    names = ["alps.zarr"] if suffix == ".zarr" else ["alps_beta0.tif", "alps_beta0.5.tif", "alps_beta1.tif"]
    assert done.stdout.split() == names
    model = rg.load_model("RANGE+", device="cpu")
    expected = model.encode([[5.25, 47.75], [9.75, 44.25]], beta=(0, 0.5, 1))
    found = rg.open_cube(folder / names[0] if suffix == ".zarr" else [folder / name for name in names])
    assert found.rangegeo.facts["command"] == f"rangegeo {shlex.join(arguments)}"
    assert found.sizes == {"beta": 3, "band": model.dim, "y": 8, "x": 10}
    for index, place in enumerate([{"x": 5.25, "y": 47.75}, {"x": 9.75, "y": 44.25}]):
        value = found.sel(place, method="nearest")
        np.testing.assert_allclose(value, expected[:, index], rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_cube_is_what_the_library_makes(raster, folder, mini):
    done = raster("--beta", "0,1", "--exact", "-o", "a.zarr")
    assert (done.code, done.out) == (0, "a.zarr\n")
    expected = rg.raster((5, 44, 6, 45), 0.25, model=mini, betas=(0, 1), exact=True)
    np.testing.assert_array_equal(rg.open_cube("a.zarr").values, expected.values)
    assert rg.open_cube("a.zarr").odc.geobox == expected.odc.geobox


@pytest.mark.parametrize(
    "bbox",
    [
        ["--bbox", "-6,-45,-5,-44"],
        ["--bbox=-6,-45,-5,-44"],
        ["--bbox", "-6", "-45", "-5", "-44"],
        ["--bbox", "-6 -45 -5 -44"],
        ["--bbox", "-6.", "-4.5e1", "-5", "-44"],
        ["--bbox", "-6,", "-45,", "-5,", "-44"],
    ],
)
def test_a_bbox_may_be_spelt_in_many_ways(rangegeo, bbox):
    done = rangegeo("raster", *bbox, "--res", "0.5", *MINI, "-o", "a.tif")
    assert done.code == 0, done.err
    with rasterio.open("a.tif") as file:
        assert tuple(file.bounds) == (-6, -45, -5, -44)


@pytest.mark.parametrize("bbox", [["176,-19,-178,-15"], ["176", "-19", "-178", "-15"]])
def test_a_bbox_may_cross_the_antimeridian(rangegeo, bbox):
    assert rangegeo("raster", "--bbox", *bbox, "--res", "1", *MINI, "-o", "a.tif").code == 0
    with rasterio.open("a.tif") as file:
        assert tuple(file.bounds) == (176, -19, 182, -15)


@pytest.mark.parametrize(("res", "size"), [(["0.25"], (4, 4)), (["0.25", "0.5"], (4, 2)), (["0.25,0.5"], (4, 2))])
def test_res_may_be_one_or_two_numbers(rangegeo, res, size):
    done = rangegeo("raster", "--res", *res, "--bbox", "5", "44", "6", "45", *MINI, "-o", "a.tif")
    assert done.code == 0, done.err
    with rasterio.open("a.tif") as file:
        assert (file.width, file.height) == size


def test_a_crs_and_a_box_in_it_and_alignment(raster):
    box = (
        "--crs",
        "EPSG:32632",
        "--bbox-crs",
        "EPSG:32632",
        "--bbox",
        "300100,4900100,330000,4930000",
        "--res",
        "10000",
    )
    assert raster(*box, "-o", "a.tif").code == 0
    with rasterio.open("a.tif") as file:
        assert (file.crs.to_epsg(), file.shape, file.transform.c, file.transform.f) == (32632, (3, 3), 300100, 4930000)
    assert raster(*box, "--align", "-o", "b.tif").code == 0
    with rasterio.open("b.tif") as file:
        assert (file.shape, tuple(file.bounds)) == ((3, 3), (300000, 4900000, 330000, 4930000))


@pytest.mark.parametrize("beta", [["--beta", "0,0.5"], ["--beta", "0", "--beta", "0.5"], ["--beta", "0 0.5"], []])
def test_beta_may_be_a_list_or_repeated_and_has_a_default(raster, beta):
    assert raster(*beta, "-o", "a.zarr").code == 0
    assert rg.open_cube("a.zarr")["beta"].values.tolist() == ([0, 0.5] if beta else [0.5])


@pytest.mark.parametrize(
    ("arguments", "zarr_format"), [(["-o", "a.zarr"], 3), (["-o", "a", "--format", "zarr", "--zarr-format", "2"], 2)]
)
def test_zarr_formats(raster, arguments, zarr_format):
    assert raster(*arguments).code == 0
    name = arguments[1]
    assert Path(name, "zarr.json" if zarr_format == 3 else ".zgroup").exists()


def test_a_plain_geotiff(rangegeo):
    box = ("--bbox", "5,44,6,45", "--res", "0.003", "--model", "SatCLIP", *MINI[:2])
    assert rangegeo("raster", *box, "-o", "a.tif").code == 0
    assert rangegeo("raster", *box, "-o", "b.dat", "--format", "gtiff").code == 0
    with rasterio.open("a.tif") as cog, rasterio.open("b.dat") as plain:
        assert cog.overviews(1) == [2]
        assert plain.overviews(1) == []


@pytest.mark.parametrize(("out", "suffix"), [("b", ""), ("b.dat", ".dat")])
def test_several_betas_of_a_geotiff_without_its_suffix(raster, out, suffix):
    """A beta such as 0.5 at the end of a name is no suffix."""
    run = raster("--beta", "0,0.25,0.5", "--format", "cog", "--stac", "-o", out)
    assert run.code == 0
    stems = ["b_beta0", "b_beta0.25", "b_beta0.5"]
    assert run.out.split() == [f"{stem}{end}" for stem in stems for end in (suffix, ".stac.json")]
    for stem in stems:
        assert {Path(f"{stem}{end}").exists() for end in (suffix, f"_rgb{suffix}", ".qml", ".stac.json")} == {True}
        assert set(json.loads(Path(f"{stem}.stac.json").read_text())["assets"]) == {"embeddings", "preview", "style"}
        assert stem.endswith(f"_beta{float(rg.open_cube(f'{stem}{suffix}')['beta']):g}")
    assert len(list(Path().glob("b*"))) == 12


def test_models_without_beta(raster):
    for model, bands in (("RANGE", 40), ("SatCLIP", 16)):
        assert raster("--model", model, "-o", f"{model}.zarr").code == 0
        assert dict(rg.open_cube(f"{model}.zarr").sizes) == {"band": bands, "y": 4, "x": 4}


def test_bands_layout_and_pca(raster):
    assert raster("--bands", "3,1-2", "-o", "a.zarr").code == 0
    assert rg.open_cube("a.zarr")["band_name"].values.tolist() == ["visual_02", "visual_00", "visual_01"]
    assert raster("--layout", "components", "-o", "b.zarr").code == 0
    assert rg.open_cube("b.zarr").sizes["band"] == 24 + 24 + 16
    assert raster("--layout", "components", "--bands", "all,diagnostics", "-o", "d.zarr").code == 0
    assert rg.open_cube("d.zarr")["band_name"].values.tolist()[-1] == "geographic_neighbours"
    assert raster("--bands", "1-2,diagnostics", "-o", "e.tif").code == 0
    assert rg.open_cube("e.tif").sizes["band"] == 6
    assert raster("--pca", "2", "-o", "c.zarr").code == 0
    assert rg.open_cube("c.zarr")["band_name"].values.tolist() == ["pca_0", "pca_1"]


def test_chunks_and_threads_are_obeyed(raster):
    assert raster("--res", "0.01", "--chunks", "48", "--threads", "1", "-o", "a.zarr").code == 0
    assert rg.open_cube("a.zarr").chunksizes["x"] == (48, 48, 4)
    assert torch.get_num_threads() == 1
    assert dask.config.get("num_workers") == 1


def test_overwrite_replaces(raster, folder):
    for name in ("a.tif", "a.zarr"):
        assert raster("-o", name).code == 0
        refused = raster("--res", "0.5", "-o", name)
        assert refused.code == 1
        assert "add --overwrite to replace it" in refused.err
        assert raster("--res", "0.5", "-o", name, "--overwrite").code == 0
        assert rg.open_cube(name).sizes["x"] == 2


# -------------------------------------------------------------------------------------------- what it prints


def test_what_a_run_says(raster):
    done = raster("-o", "a.zarr")
    assert done.out == "a.zarr\n"
    lines = done.err.splitlines()
    assert re.fullmatch(r"a\.zarr: 1 beta, 40 bands, 4 x 4 pixels, 2\.6 kB before compression, about \d+ s", lines[0])
    assert re.fullmatch(r"embedding: 1 of 1 block, 2\.6 kB, .*/s, took 1 s", lines[1])
    assert lines[2] == "every pixel was evaluated"
    assert len(lines) == 3


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--res", "3"), "--res 3 is in degrees of EPSG:4326, more than the whole area of 1 x 1; take a smaller --res"),
        (
            ("--bbox", "5,44,5.00001,44.00001", "--crs", "EPSG:32632", "--res", "0.09"),
            "--res 0.09 is in metres of EPSG:32632, less than 10 cm; take a larger --res, or leave out --crs",
        ),
    ],
)
def test_a_resolution_in_other_units_is_doubted_in_one_line(raster, arguments, said):
    first, second, *_ = raster(*arguments, "--dry-run", "-o", "a.zarr").err.splitlines()
    assert first.startswith(f"rangegeo: warning: {said}")
    assert second.startswith("a.zarr: 1 beta, 40 bands, ")
    assert raster(*arguments, "--dry-run", "-q", "-o", "a.zarr").err == ""


@pytest.mark.parametrize(("crs", "name"), [("EPSG:2056", "a.zarr"), ("EPSG:21781", "a.tif")])
def test_swiss_coordinates_are_no_reason_to_warn(folder, crs, name):
    """pyproj warns of an angle that CF has no name for; a user cannot do anything about it."""
    box = ("--bbox", "7,46,7.1,46.1", "--res", "2000", "--crs", crs)
    done = shell("raster", *box, *MINI, "-q", "-o", name, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    told = shell("info", name, folder=folder)
    assert told.stderr == ""
    assert f"crs: {crs}" in told.stdout


def test_quiet_prints_the_paths_alone(raster):
    done = raster("-q", "--beta", "0,1", "-o", "a.tif")
    assert (done.code, done.out, done.err) == (0, "a_beta0.tif\na_beta1.tif\n", "")


def test_the_embedded_model_is_announced_once_and_not_when_quiet(rangegeo):
    demo = ("raster", "--bbox", "5,44,6,45", "--res", "0.5")
    assert rangegeo(*demo, "--dry-run", "-o", "a.zarr").err.splitlines()[0] == DEMO_NOTICE
    assert "--weights official --db large" in DEMO_NOTICE
    assert rangegeo(*demo, "--dry-run", "-q", "-o", "a.zarr").err == ""


def test_other_models_are_not_announced(raster):
    assert DEMO_NOTICE not in raster("-o", "a.zarr").err


@pytest.mark.parametrize("name", ["a.zarr", "a.tif"])
def test_a_dry_run_says_the_cost_and_writes_nothing(raster, folder, name):
    done = raster("--beta", "0,1", "--dry-run", "-o", name)
    assert (done.code, done.out) == (0, "")
    line, details = done.err.splitlines()
    assert line.startswith(f"{name}: 2 betas, 40 bands, 4 x 4 pixels, 5.1 kB before compression, about ")
    assert details.startswith("about 16 evaluations; about ")
    assert list(folder.iterdir()) == []


def test_a_dry_run_says_that_the_output_exists(raster, folder):
    (folder / "a.tif").write_text("precious")
    done = raster("--dry-run", "-o", "a.tif")
    assert (done.code, done.err.splitlines()[-1]) == (0, "a.tif exists; add --overwrite to replace it")
    assert (folder / "a.tif").read_text() == "precious"


def test_a_dry_run_tells_what_it_would_take(raster):
    lines = raster("--res", "0.02", "--chunks", "16", "--dry-run", "-o", "a.zarr").err.splitlines()
    assert re.fullmatch(r"about 1,764 evaluations; about \d+\.\d kB on disk in 36 files", lines[1])


def test_a_dry_run_of_a_model_that_is_not_here(rangegeo, folder, monkeypatch):
    monkeypatch.setattr("rangegeo.models.sketch.cached", lambda file: None)
    (folder / "a.tif").write_text("precious")
    done = rangegeo(
        "raster", "--bbox", "5,44,6,45", "--res", "0.01", "--weights", "official", "--dry-run", "-o", "a.tif"
    )
    assert (done.code, done.out) == (0, "")
    plan, details, files, exists = done.err.splitlines()
    assert plan == "a.tif: 1 beta, 1,280 bands, 100 x 100 pixels, 51.2 MB before compression, time not probed"
    assert details.endswith(" on disk in 3 files")
    assert files == "would be downloaded first, so the time was not probed: satclip-vit16-l40, range_db_large"
    assert exists == "a.tif exists; add --overwrite to replace it"
    assert [path.name for path in folder.iterdir()] == ["a.tif"]


def test_a_dry_run_tells_what_an_interrupted_run_left(raster, folder):
    journal = folder / ".a.zarr-unfinished" / "journal" / "cube"
    journal.mkdir(parents=True)
    (journal / "0-0.json").write_text("{}")
    done = raster("--dry-run", "-o", "a.zarr")
    assert done.err.splitlines()[-1] == "an interrupted run left 1 block of a.zarr; add --resume to continue it"


def test_a_refusal_is_not_preceded_by_what_would_be_continued(raster, folder, monkeypatch):
    from rangegeo.stores import arrays

    write, done = arrays.block_writer, []

    def failing(*arguments: object):
        own = write(*arguments)

        def block(values: np.ndarray, top: int, left: int):
            if len(done) == 3:
                raise OSError(28, "No space left on device")
            done.append(top)
            return own(values, top, left)

        return block

    monkeypatch.setattr(arrays, "block_writer", failing)
    assert raster("--res", "0.02", "--chunks", "16", "-o", "a.zarr").code == 1
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    refused = raster("--res", "0.02", "--chunks", "16", "--beta", "1", "--resume", "-o", "a.zarr")
    assert refused.code == 1
    assert "were written before" not in refused.err
    continued = raster("--res", "0.02", "--chunks", "16", "--resume", "-o", "a.zarr")
    assert re.search(r"^\d+ blocks? of 16 were written before$", continued.err, re.MULTILINE)


def test_a_log_tells_progress_now_and_then(raster, monkeypatch):
    monkeypatch.setattr(progress, "LOG_EVERY", 0.0)
    done = raster("--res", "0.02", "--chunks", "16", "-o", "a.zarr")
    line = r"^embedding: (\d+) of 16 blocks, [\d.]+ .B, [\d.]+ .B/s, (?:about \d+ s left|took \d+ s)$"
    told = re.findall(line, done.err, re.MULTILINE)
    assert [int(count) for count in told] == list(range(1, 17))
    monkeypatch.setattr(progress, "LOG_EVERY", 1000.0)
    assert raster("--res", "0.02", "--chunks", "16", "-o", "b.zarr").err.count(" of 16 blocks") == 1


def test_a_terminal_shows_a_bar(raster, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    done = raster("--res", "0.02", "--chunks", "16", "-o", "a.zarr")
    assert done.code == 0
    assert "embedding" in done.err
    assert "16 of 16 blocks" in done.err
    assert "\nembedding: " not in done.err


# ---------------------------------------------------------------------------------------------- interruption


def test_an_interrupt_is_130_and_one_line(raster, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rangegeo.cubes.cost.plan", interrupt)
    done = raster("-o", "a.zarr")
    assert done.code == 130
    assert done.err.splitlines()[-1].startswith("rangegeo: interrupted; ")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("name", "how"), [("a.tif", signal.SIGINT), ("a.zarr", signal.SIGINT), ("a.tif", signal.SIGTERM)]
)
def test_a_real_interrupt_keeps_the_blocks_and_nothing_that_looks_finished(folder, name, how):
    arguments = ("raster", "--bbox", "5,44,35,48", "--res", "0.01", *MINI, "--exact", "--threads", "1", "-o", name)
    process = subprocess.Popen(
        [sys.executable, "-m", "rangegeo.cli.main", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    started = time.monotonic()
    journal = folder / f".{name}-unfinished" / "journal" / "cube"
    while not list(journal.glob("*.json")):  # a block is written
        assert time.monotonic() - started < 60
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    said = r"rangegeo: interrupted; (\d+) blocks? (is|are) kept; add --resume to continue"
    told = re.fullmatch(said, err.splitlines()[-1])
    assert told is not None
    assert int(told[1]) == len(list(journal.glob("*.json"))) > 0
    assert "Traceback" not in err
    assert [path.name for path in folder.iterdir()] == [f".{name}-unfinished"]


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_a_killed_run_is_continued(folder, name):
    """SIGKILL: nothing of the program runs any more."""
    arguments = ("raster", "--bbox", "5,44,8,47", "--res", "0.01", *MINI, "--exact", "--threads", "1", "--chunks", "64")
    command = [sys.executable, "-m", "rangegeo.cli.main", *arguments]
    process = subprocess.Popen([*command, "-o", name], cwd=folder, stderr=subprocess.DEVNULL)
    journal = folder / f".{name}-unfinished" / "journal" / "cube"
    started = time.monotonic()
    while len(list(journal.glob("*.json"))) < 3:
        assert time.monotonic() - started < 60
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = len(list(journal.glob("*.json")))
    refused = shell(*arguments, "-o", name, folder=folder)
    assert refused.returncode == 1
    assert f"an interrupted run left {kept} blocks of {name}; add --resume to continue it" in refused.stderr
    done = shell(*arguments, "-o", name, "--resume", folder=folder)
    assert done.returncode == 0, done.stderr
    assert f"{kept} blocks of 25 were written before" in done.stderr
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    once = shell(*arguments, "-o", f"once-{name}", folder=folder)
    assert once.returncode == 0, once.stderr
    found, expected = (rg.open_cube(folder / output) for output in (name, f"once-{name}"))
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.rangegeo.facts | {"command": ""} == expected.rangegeo.facts | {"command": ""}
    assert "--resume" not in found.rangegeo.facts["command"]


# ------------------------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize(
    ("arguments", "joined"),
    [
        (["--bbox", "5", "44", "10", "48", "-o", "a"], ["--bbox", "5,44,10,48", "-o", "a"]),
        (["--bbox", "5,44,10,48"], ["--bbox", "5,44,10,48"]),
        (["--bbox", "-5", "-44", "10", "48"], ["--bbox", "-5,-44,10,48"]),
        (["--bbox", "5", "44", "10", "48", "9"], ["--bbox", "5,44,10,48", "9"]),
        (["--bbox", "5", "44", "-o", "10"], ["--bbox", "5,44", "-o", "10"]),
        (["--res", "1", "2", "--bbox", "1", "2", "3", "4"], ["--res", "1,2", "--bbox", "1,2,3,4"]),
        (["--res", "0.01", "--beta", "1"], ["--res", "0.01", "--beta", "1"]),
        (["--res", "1e-3", "+.5"], ["--res", "1e-3,+.5"]),
        (["--res"], ["--res"]),
        (["--bbox", "-o", "5"], ["--bbox", "-o", "5"]),
        (["--bbox", "--res", "5"], ["--bbox", "--res", "5"]),
        (["info", "5", "6"], ["info", "5", "6"]),
        ([], []),
    ],
)
def test_numbers_that_stand_apart_are_joined(arguments, joined):
    assert join_numbers(arguments) == joined


@pytest.mark.parametrize(
    ("text", "bands"),
    [
        ("1", (1,)),
        ("1,2,5-8", (1, 2, 5, 6, 7, 8)),
        ("all", "all"),
        ("visual,diagnostics", ("visual", "diagnostics")),
        ("1-2,location_000", (1, 2, "location_000")),
        ("1-", "1-"),
        ("1-999999", "1-999999"),
    ],
)
def test_lists_of_bands(text, bands):
    assert parse_bands(text) == bands

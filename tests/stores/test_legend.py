"""How maps look: colours that differ, and a table of attributes that GDAL reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
import xarray as xr

from rangegeo.stores.legend import VIRIDIS, Classes, Ramp, classes_of, legend_of, table_path

NAMES = ("forest", "open water", "Übergang <&>")


def test_colours_of_255_classes_all_differ():
    colours = Classes(tuple(map(str, range(255)))).colours
    assert len(np.unique(colours, axis=0)) == 255
    near = colours[:12].astype(int)
    apart = np.abs(near[:, None] - near[None]).sum(axis=2) + 999 * np.eye(12)
    assert apart.min() > 60


def test_classes_are_painted_in_their_colours():
    classes = Classes(NAMES)
    painted = classes.paint(np.array([[[0, 1, 2, np.nan]]], np.float32))
    assert painted[:, 0, :3].T.tolist() == classes.colours.tolist()
    assert painted[:, 0, 3].tolist() == [0, 0, 0]


def test_the_table_of_attributes_is_beside_the_file(tmp_path):
    path = tmp_path / "c.tif"
    grid = {"crs": "EPSG:4326", "transform": rasterio.Affine(1, 0, 5, 0, -1, 45)}
    with rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8", **grid) as file:
        file.write(np.zeros((1, 2, 2), np.uint8))
    Classes(NAMES).write_table(path, "cover")
    assert table_path(path) == tmp_path / "c.tif.aux.xml"
    table = ET.parse(table_path(path))
    rows = [[field.text for field in row.iter("F")] for row in table.iter("Row")]
    assert [row[:2] for row in rows] == [["0", "forest"], ["1", "open water"], ["2", "Übergang <&>"]]
    assert [name.text for name in table.iter("Category")] == list(NAMES)
    assert [name.text for name in table.iter("Name")] == ["Value", "cover", "Red", "Green", "Blue"]


def test_styles_name_classes_and_colours():
    style = ET.fromstring(Classes(NAMES).style([]).partition("\n")[2])
    entries = [(entry.get("value"), entry.get("label")) for entry in style.iter("paletteEntry")]
    assert entries == [(str(number), name) for number, name in enumerate(NAMES)]
    assert next(style.iter("rasterrenderer")).get("type") == "paletted"


def test_a_ramp_goes_from_dark_to_light():
    ramp = Ramp(10.0, 20.0)
    painted = ramp.paint(np.array([[[10, 20, 30, np.nan]]], np.float32))
    assert painted[:, 0, 0].tolist() == VIRIDIS[0].tolist()
    assert painted[:, 0, 1].tolist() == painted[:, 0, 2].tolist() == VIRIDIS[-1].tolist()
    assert painted[:, 0, 3].tolist() == [0, 0, 0]
    style = ET.fromstring(ramp.style([]).partition("\n")[2])
    assert [float(item.get("value")) for item in style.iter("item")] == pytest.approx(np.linspace(10, 20, 9))


def test_only_maps_have_legends():
    cube = xr.DataArray(np.zeros((1, 2, 2)), dims=("band", "y", "x"))
    assert legend_of(cube, (0, 1)) is None
    assert legend_of(cube.assign_attrs(target="a"), (1, 1)) == Ramp(1, 2)
    classes = cube.assign_attrs(target="a", classes=["x", "y"]).assign_coords(band_name=("band", ["a"]))
    spread = classes.assign_coords(band_name=("band", ["a_spread"]))
    assert legend_of(spread, (0, 1)) == Ramp(0, 1)
    assert legend_of(classes, (0, 1)) == Classes(("x", "y"))
    assert classes_of(xr.concat([classes, classes], "band")) is None

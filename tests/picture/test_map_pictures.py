"""Pictures of maps from labels: classes in their colours with a key, numbers with a bar, every band its own panel."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr
from PIL import Image

import rangegeo.accessor  # noqa: F401 (it registers .rangegeo)
from rangegeo.errors import UsageError
from rangegeo.picture import draw
from rangegeo.picture.maps import draw_maps, layers_of, note_of_map, picture_paths
from rangegeo.picture.preview import Look, preview
from rangegeo.stores.legend import VIRIDIS, Classes

NAMES = ("bare", "forest", "open water", "a class with a name that nobody can read to its very end")
SCORES = "height: R² 0.9 ± 0.1, RMSE 2 ± 1 in blocks that were left out\nheight: R² 0.99 ± 0 at random places"


@pytest.fixture
def map_of(cube_of):
    """A map with these bands: those in `classes` hold numbers of classes, all others waves."""

    def make(*names: str, classes: dict[str, tuple[str, ...]] | None = None, ground: str = "degrees") -> xr.DataArray:
        cube = cube_of(ground, betas=None, bands=len(names)).compute()
        for number, name in enumerate(names):
            if name in (classes or {}):
                values, most = cube[number].values, len(classes[name])
                edges = np.nanquantile(values, np.arange(1, most) / most)
                cube[number] = np.where(np.isfinite(values), np.digitize(values, edges), np.nan)
        targets = {name.split("_")[0]: None for name in names if ": " not in name}
        facts = {f"classes_{name}": list(own) for name, own in (classes or {}).items()}
        if len(targets) == 1 and classes:
            facts = {"classes": list(*classes.values())}
        cube.attrs |= {"target": ", ".join(targets), "scores": SCORES, **facts}
        return cube.assign_coords(band_name=("band", np.array(names, dtype=object))).rename("map")

    return make


def panels_of(figure) -> list[np.ndarray]:
    """The pictures (h, w, 3) of the panels."""
    return [axes.images[0].get_array()[..., :3] for axes in figure.axes if axes.images]


def key_of(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[-1].get_texts()]


def bars_of(figure) -> list[str]:
    return [bar.get_ylabel() for axes in figure.axes for bar in axes.child_axes if bar.get_ylabel()]


def test_numbers_have_a_bar_with_their_name_and_a_panel_with_their_spread(map_of):
    cube = map_of("height", "height_spread")
    figure = draw(cube, towns=0)
    values, spread = panels_of(figure)
    assert bars_of(figure) == ["height", "height_spread"]
    assert [axes.get_title() for axes in figure.axes] == ["height", "spread"]
    assert tuple(values[np.unravel_index(cube[0].values.argmax(), cube[0].shape)]) == tuple(VIRIDIS[-1])
    assert tuple(spread[np.unravel_index(cube[1].values.argmin(), cube[1].shape)]) == tuple(np.maximum(VIRIDIS[0], 1))
    note, title = (text.get_text() for text in figure.texts[:2])
    assert title == "height, predicted from RANGE+"
    assert note.replace("\n", " ") == "0.05° pixels, EPSG:4326; R² 0.9 ± 0.1, RMSE 2 ± 1 in blocks that were left out"


def test_classes_are_drawn_in_their_colours_and_the_key_names_those_that_are_there(map_of):
    cube = map_of("cover", "cover_probability", "cover: bare", "cover: forest", classes={"cover": NAMES})
    figure = draw(cube, towns=0)
    classes, _ = panels_of(figure)
    there = np.unique(cube[0].values).astype(int)
    assert len(there) == 4
    for number in there:
        pixels = classes[cube[0].values == number]
        assert (pixels == Classes(NAMES).colours[number]).all()
    assert key_of(figure) == [*NAMES[:3], "a class with a name that nobody can rea…"]
    assert bars_of(figure) == ["cover_probability"]
    cube[0] = np.where(cube[0] == 1, np.nan, cube[0])
    few = draw(cube, towns=0)
    assert key_of(few) == ["bare", "open water", "a class with a name that nobody can rea…"]


def test_a_key_of_very_many_classes_ends_in_a_number(map_of):
    cube = map_of("cover", classes={"cover": tuple(map(str, range(200)))})
    cube[0] = np.arange(cube[0].size).reshape(cube[0].shape) % 200
    assert key_of(draw(cube, towns=0))[-2:] == ["59", "and 140 more classes"]


def test_pixels_without_a_value_are_grey(map_of):
    cube = map_of("cover", classes={"cover": NAMES})
    cube[0, :10] = np.nan
    (picture,) = draw(cube, towns=0).axes[0].images
    assert (picture.get_array()[:10, :, 3] == 0).all()
    assert (picture.get_array()[11:, :, 3] == 255).all()


def test_a_constant_map_is_drawn(map_of):
    cube = map_of("height")
    cube[:] = 3
    assert (panels_of(draw(cube))[0] == np.maximum(VIRIDIS[0], 1)).all()


def test_a_method_draws_a_map_as_any_cube(map_of):
    cube = map_of("height", "height_spread")
    assert len(panels_of(draw(cube, method="pca"))) == 1


@pytest.mark.parametrize("ground", ["Lambert", "a thin row", "Arctic"])
def test_maps_are_drawn_on_any_ground(map_of, ground):
    figure = draw(map_of("cover", "cover_spread", classes={"cover": NAMES}, ground=ground))
    assert len(panels_of(figure)) == 2


def test_each_target_has_its_picture(map_of, tmp_path):
    names = ("height", "height_spread", "cover", "cover_probability", "soil", "soil_probability")
    cube = map_of(*names, classes={"cover": NAMES, "soil": ("clay", "sand")})
    groups = layers_of([cube])
    assert {target: [layer.name for layer in layers] for target, layers in groups.items()} == {
        "height": ["height", "height_spread"],
        "cover": ["cover", "cover_probability"],
        "soil": ["soil", "soil_probability"],
    }
    assert [groups[target][0].classes for target in groups] == [None, Classes(NAMES), Classes(("clay", "sand"))]
    assert len(panels_of(draw(cube))) == 6
    cube.rangegeo.to_zarr(tmp_path / "m.zarr")
    made = preview([tmp_path / "m.zarr"], tmp_path / "m.png")
    assert [path.name for path in made] == ["m_height.png", "m_cover.png", "m_soil.png"]
    for path in made:
        with Image.open(path) as picture:
            assert picture.text["Title"] == f"{path.stem[2:]}, predicted from RANGE+"


def test_names_of_pictures_differ_and_are_names_of_files(tmp_path):
    made = picture_paths(tmp_path / "m.png", ["a b", "a/b", "A_b", "c"])
    assert [path.name for path in made] == ["m_a_b.png", "m_a_b_2.png", "m_A_b_3.png", "m_c.png"]
    assert picture_paths(tmp_path / "m.png", ["a/b"]) == [tmp_path / "m.png"]


def test_a_tif_has_the_colours_of_the_classes(map_of, tmp_path):
    cube = map_of("cover", classes={"cover": NAMES})
    cube.rangegeo.to_zarr(tmp_path / "c.zarr")
    preview([tmp_path / "c.zarr"], tmp_path / "c.tif")
    with rasterio.open(tmp_path / "c.tif") as file:
        painted = file.read()
    assert (painted == Classes(NAMES).paint(cube.values)).all()


def test_bands_may_be_chosen(map_of, tmp_path):
    map_of("height", "height_spread").rangegeo.to_zarr(tmp_path / "h.zarr")
    both, one = (
        preview([tmp_path / "h.zarr"], tmp_path / f"{name}.png", Look(bands=bands))[0]
        for name, bands in (("both", "all"), ("one", ("height_spread",)))
    )
    with Image.open(both) as two, Image.open(one) as single:
        assert two.width / two.height > 1.5 > single.width / single.height


def test_maps_on_different_grids_are_refused(map_of, tmp_path):
    map_of("height").rangegeo.to_geotiff(tmp_path / "a.tif")
    map_of("rain", ground="antimeridian").rangegeo.to_geotiff(tmp_path / "b.tif")
    with pytest.raises(UsageError, match="lie on different grids; draw each alone"):
        preview([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "m.png")


def test_a_title_and_a_note_may_be_given(map_of):
    (layers,) = layers_of([map_of("height")]).values()
    figure = draw_maps(layers, title="Trees $x", note="mine")
    assert [text.get_text() for text in figure.texts[:2]] == ["mine", "Trees $x"]


@pytest.mark.parametrize("names", [("height", "height_spread"), ("cover", "cover_probability", "cover_spread")])
def test_no_label_of_the_graticule_lies_under_a_bar(map_of, names):
    """In the north of this ground a parallel leaves it at the right."""
    figure = draw(
        map_of(*names, classes={"cover": ("a", "b")} if "cover" in names else None, ground="Lambert"), towns=0
    )
    figure.canvas.draw()
    degrees = [text for axes in figure.axes for text in axes.texts if text.get_text().endswith(("°N", "°E", "°W", "°"))]
    panels = [axes for axes in figure.axes if axes.images]
    right = panels[0].get_window_extent().x1
    assert any(text.get_window_extent().x0 > right for text in degrees)  # there is such a label
    bars = [bar.get_tightbbox() for axes in figure.axes for bar in axes.child_axes if bar.get_ylabel()]
    assert len(bars) >= 2
    for text in degrees:
        assert not any(text.get_window_extent().overlaps(bar) for bar in bars), text.get_text()
        assert not any(
            text.get_window_extent().x0 < panel.get_window_extent().x0 < text.get_window_extent().x1
            for panel in panels[1:]
        )


def test_the_small_print_has_the_scores_of_places_where_something_was_found(map_of):
    cube = map_of("oak_suitability")
    inside = "ROC AUC 0.7 ± 0.1 in blocks that were left out (its places and the background weigh the same in total)"
    cube.attrs["scores"] = f"oak: {inside}\noak: ROC AUC 0.9 ± 0 at random places\noak: in the same blocks nearest 0.6"
    (layers,) = layers_of([cube]).values()
    assert note_of_map(layers).endswith(f"; {inside}")

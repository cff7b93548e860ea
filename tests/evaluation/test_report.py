"""The page about a map: whole in one file, told in words too, and true."""

from __future__ import annotations

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.collections import PatchCollection
from PIL import Image
from sklearn.metrics import confusion_matrix

import rangegeo as rg
from rangegeo.errors import OutputError, UsageError
from rangegeo.evaluation.figures import confusions, counts_of, draw_errors, draw_folds
from rangegeo.evaluation.labels import Target
from rangegeo.evaluation.page import Code, Page, Picture, Section, Table

BOX = (5, 44, 8, 46)


@pytest.fixture(scope="module")
def cube(heights):
    return heights.raster(BOX, 0.25).compute()


@pytest.fixture(scope="module")
def page(heights, cube) -> Page:
    """Its picture is drawn from larger pixels, as that of a large file is."""
    return heights.page([cube], [heights.raster(BOX, 0.5).compute()])


def tree_of(page: Page) -> ET.Element:
    """The page as a tree; its HTML is XML too, but for elements without an end."""
    text = re.sub(r"<(meta|img)([^>]*)>", r"<\1\2/>", page.html().removeprefix("<!DOCTYPE html>"))
    return ET.fromstring(text)


def tables_of(page: Page) -> dict[str, list[list[str]]]:
    """The rows of all tables, by the first words of their captions."""
    parts = (part for section in page.sections for part in section.parts)
    return {part.caption: [list(row) for row in part.rows] for part in parts if isinstance(part, Table)}


def test_the_page_needs_nothing_else(page):
    tree, text = tree_of(page), page.html()
    assert tree.get("lang") == "en"
    assert "prefers-color-scheme: dark" in text
    assert not [node.tag for node in tree.iter() if node.tag in ("script", "link", "iframe")]
    assert "url(" not in text
    for image in tree.iter("img"):
        head, data = image.get("src").split(",")
        assert head == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.width > 300


def test_the_page_can_be_heard(page):
    tree = tree_of(page)
    assert [node.text for node in tree.iter("h1")] == ["height, predicted from RANGE+"]
    heads = [node.text for node in tree.iter("h2")]
    assert heads[:4] == ["Map", "Scores", "Scores of the folds", "Errors"]
    assert heads[-2:] == ["What to cite", "How it was made"]
    alts = [image.get("alt") for image in tree.iter("img")]
    assert len(alts) == 3
    assert re.search(r"Map of height.*height from [\d.]+ to [\d.]+, half of it below .*; spread from", alts[0])
    assert re.search(r"by the R² of their folds: fold 0 [\d.-]+, fold 1", alts[1])
    assert re.search(r"Predictions of height over its labels.*; R² [\d.]+, RMSE", alts[2])
    for table in tree.iter("table"):
        assert table.find("caption").text
        assert all(head.get("scope") == "col" for head in table.find("thead").iter("th"))
        assert all(row[0].tag == "th" and row[0].get("scope") == "row" for row in table.find("tbody"))


def test_scores_and_baselines_are_those_that_were_measured(page, heights):
    tables = tables_of(page)
    (rows,) = (rows for caption, rows in tables.items() if caption.startswith("Scores of height: "))
    value, spread = heights.scores.value("height", "block", "embedding")
    assert rows[0][:3] == ["this map", "in blocks that were left out", f"{value:.3g} ± {spread:.2g}"]
    assert [row[0] for row in rows] == [
        "this map",
        "the nearest labels",
        "a smooth function of the place",
        "a smooth function of the place and q",
        "this map",
    ]
    folds = heights.scores.folds
    folds = folds[(folds.split == "block") & (folds.method == "embedding") & (folds.seed == 0)]
    found = tables["Scores of height in each fold, of the first seed."]
    assert [row[:3] for row in found] == [
        [f"fold {row.fold}", str(row.labels), f"{row.r2:.3g}"] for row in folds.itertuples()
    ]
    facts = dict(map(tuple, tables["What the files of the map say, too."]))
    assert facts["blocks"] == "5 degrees"
    assert len(facts["database sha256"]) == 64
    cited = next(section for section in page.sections if section.title == "What to cite").parts
    assert "RANGE+: arXiv:2502.19781" in cited


def test_every_block_lies_under_its_labels_in_the_colour_of_its_fold(heights):
    held, labels = heights.fit.held[0], heights.labels
    axes = draw_folds(labels, heights.fit.blocks, heights.fit.side, held).axes[0]
    (patches,) = (artist for artist in axes.collections if isinstance(artist, PatchCollection))
    boxes = [path.get_extents() for path in patches.get_paths()]
    assert len(boxes) == len(np.unique(heights.fit.blocks))
    (dots,) = (line for line in axes.lines if line.get_gid() == "labels")
    colours = {}
    for x, y, fold in zip(*dots.get_data(), held.folds, strict=True):
        (own,) = (number for number, box in enumerate(boxes) if box.x0 <= x < box.x1 and box.y0 <= y < box.y1)
        colours.setdefault(int(fold), set()).add(tuple(patches.get_facecolor()[own]))
    assert {len(shades) for shades in colours.values()} == {1}
    best = held.by_fold.r2.idxmax()
    assert colours[best] == {tuple(np.array([253, 231, 37, 255]) / 255)}
    numbers = [text.get_text() for text in axes.texts if text.get_text() in "01234"]
    assert len(numbers) == len(boxes)


def test_blocks_across_the_antimeridian_lie_side_by_side(mini, frame):
    moved = frame.assign(lon=(frame.lon + 170 + 180) % 360 - 180)
    fitted = rg.fit_map(moved, "height", model=mini, block="10deg", seeds=1, baselines=False)
    axes = draw_folds(fitted.labels, fitted.fit.blocks, fitted.fit.side, fitted.fit.held[0]).axes[0]
    left, right = axes.get_xlim()
    assert right - left < 90
    (patches,) = (artist for artist in axes.collections if isinstance(artist, PatchCollection))
    assert all(left <= path.get_extents().x0 and path.get_extents().x1 <= right for path in patches.get_paths())


def test_mistakes_are_those_of_scikit_learn(covers):
    held = covers.fit.held[0]
    expected = confusion_matrix(held.target.values, held.found.argmax(axis=1))
    assert np.array_equal(counts_of(held), expected)
    table = confusions(held, 2)
    np.fill_diagonal(expected, 0)
    assert table.labels.tolist() == sorted(expected.ravel().tolist(), reverse=True)[:2]
    row = table.iloc[0]
    names = held.target.classes
    assert expected[names.index(row["class"]), names.index(row["predicted"])] == row.labels
    drawn = [text.get_text() for text in draw_errors(held).axes[0].texts]
    shares = counts_of(held) / counts_of(held).sum(axis=1, keepdims=True)
    assert drawn == [f"{share:.0%}" for share in shares.ravel()]


def test_a_page_about_classes_names_them(covers):
    cube = covers.raster(BOX, 0.5).compute()
    page = covers.page([cube], [cube])
    assert re.search(r"cover is \w+ \d+%", page.pictures[0].alt)
    rows = tables_of(page)["How well each class of cover is predicted in blocks that were left out."]
    assert [row[0] for row in rows] == ["high", "low", "middle"]


@pytest.mark.filterwarnings("ignore:.*in the box around the labels")
def test_a_page_about_presence(mini, frame):
    found = frame[frame.cover == "high"].assign(species="Abies alba")
    fitted = rg.fit_map(found, "species", background=200, model=mini, block="5deg", seeds=1, baselines=False)
    axes = draw_errors(fitted.fit.held[0]).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == pytest.approx(2)  # shares of the places and of the background
    page = fitted.page([], [])
    assert "Histograms of the suitability of Abies alba" in page.html()
    weighed = [caption for caption in tables_of(page) if "places and the background weigh the same in total" in caption]
    assert len(weighed) == 3  # scores, folds and classes


def test_a_page_says_if_labels_have_weights(mini, frame, covers):
    heavy = frame.assign(w=np.arange(1, 201))
    fitted = rg.fit_map(heavy, "cover", weight="w", model=mini, block="5deg", seeds=1, baselines=False)
    page = fitted.page([], [])
    assert len([caption for caption in tables_of(page) if "labels count by their weights" in caption]) == 3
    assert not any("weigh" in caption for caption in tables_of(covers.page([], [])))


def test_errors_of_many_labels_are_drawn_as_hexagons(heights):
    from dataclasses import replace

    held = heights.fit.held[0]
    values = np.random.default_rng(0).normal(size=4000)
    many = replace(held, target=Target(name="a", kind="numbers", values=values), found=values[:, None])
    (hexagons,) = draw_errors(many).axes[0].collections
    assert hexagons.get_array().sum() > 0


def test_words_are_about_the_pixels_of_the_map_and_not_those_that_are_drawn(page):
    assert page.pictures[0].caption.startswith("0.25° pixels")


def test_a_page_without_a_map(heights, tmp_path):
    path = heights.report(tmp_path / "h.html")
    text = path.read_text(encoding="utf-8")
    assert "<h2>Map</h2>" not in text
    assert text.count("<img") == 2


def test_markdown_has_its_pictures_beside_it(heights, cube, page, tmp_path, monkeypatch):
    monkeypatch.setattr(rg.FittedMap, "page", lambda *_: page)
    path = heights.report(tmp_path / "my page.md", cube)
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"\]\(<(.*?)>\)", text)
    assert named == [f"my page_files/{name}_height.png" for name in ("map", "folds", "errors")]
    for name in named:
        with Image.open(tmp_path / name) as picture:
            assert picture.format == "PNG"
    with pytest.raises(OutputError, match="exists and was left as it is"):
        heights.report(path, cube)
    path.unlink()
    with pytest.raises(OutputError, match="my page_files is a folder and was left as it is"):
        heights.report(path, cube)
    assert heights.report(path, cube, overwrite=True).exists()


def test_other_pages_and_other_cubes_are_refused(heights, covers, cube, mini, tmp_path):
    with pytest.raises(UsageError, match=r"path must be a name that ends in \.html or \.md.*h\.html"):
        heights.report(tmp_path / "h.pdf")
    with pytest.raises(UsageError, match=r"cube must be a map of 'cover'.*got 'height'; leave it out"):
        covers.report(tmp_path / "h.html", cube)
    with pytest.raises(UsageError, match=r"got RANGE\+; leave it out"):
        covers.report(tmp_path / "h.html", rg.raster(BOX, 1, model=mini))


ODD = 'a|b *c* <script>alert(1)</script> `d` "e" [f](g)'


def test_text_of_others_is_text_in_html_and_in_markdown():
    picture = Picture(name="map_a", alt=ODD, caption=ODD, png=b"")
    table = Table(caption=ODD, columns=["x", "y"], rows=[[ODD, ODD]])
    page = Page(title=ODD, lead=ODD, sections=[Section(title=ODD, parts=[ODD, picture, table, Code("```\n<b>")])])
    tree = tree_of(page)
    assert next(tree.iter("h1")).text == ODD
    assert next(tree.iter("img")).get("alt") == ODD
    assert next(tree.iter("td")).text == ODD
    assert next(tree.iter("code")).text == "```\n<b>"
    text = page.markdown("p_files")
    assert "<script>" not in text.replace("\\<", "")
    assert "````\n```\n<b>\n````" in text
    row = next(line for line in text.splitlines() if line.startswith("| a"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_sections_without_parts_are_left_out():
    page = Page(title="t", lead="l", sections=[Section(title="Empty", parts=[]), Section(title="Full", parts=["x"])])
    assert "Empty" not in page.html() + page.markdown("f")
    assert page.markdown("f") == "# t\n\nl\n\n## Full\n\nx\n\n"


def test_python_and_the_shell_spell_arguments_in_their_own_way(mini, frame):
    from rangegeo.errors import for_shell

    table = frame.assign(code=np.arange(len(frame)) % 3)
    with pytest.warns(UserWarning, match="classes=True"):
        fitted = rg.fit_map(table, "code", model=mini, block="5deg", seeds=1, baselines=False)
    assert "add classes=True" in fitted.remarks[0]
    assert "add --classes" in fitted.page([], [], for_shell).html()

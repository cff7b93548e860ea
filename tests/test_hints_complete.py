"""No message says what to type without a row that follows it: the package is searched for all texts that do."""

from __future__ import annotations

import ast
import re
import tomllib
from contextlib import suppress
from functools import cache

import pytest
from helpers import hints_of_python, hints_of_shell
from helpers.hints import PACKAGE, Site, said_in_python, said_in_shell, sites

# Texts that no row provokes, by what they begin with or hold, and why.
FIT = "it speaks of what another file must hold, and of nothing that is typed"
CLUSTER = "it needs a cluster: tests/jobs/test_workers.py and tests/jobs/test_scheduler.py have some"
OWN = "it speaks of what a user's own function takes and gives, and of nothing that is typed"
HUB = "it needs a hub: tests/weights/test_hub.py has one"
VISION = "it needs torchvision or timm: tests/databases/test_vision.py has stand-ins"
BUCKET = "it needs a server: tests/stores/test_remote_faults.py and test_remote_resume.py have one"
PAGE = "the page in the browser shows it: tests/view/test_view_server.py and its neighbours provoke it"
EXEMPT = {
    "a UsageError takes a message": "it is for those who write rangegeo",
    "harmonics_calculation must be": "upstream's files never say otherwise, and nothing is typed",
    "retrieval needs queries": "it is for those who call the layer",
    "a softmax temperature must be": "it is for those who call the layer",
    "make the cube again with the files as they are": "the same expression makes it",
    "is not the planet this cube was planned with": "the same expression makes it",
    "here, and the cube was planned with": "the same expression makes it",
    "argument='quoting'": "click refuses other values of the only command that takes it",
    "Parquet cannot hold the column": "no reader gives such a column; the same advice is followed for CSV",
    "leave out its widest columns": "it needs a full memory, and nothing is typed",
    "has no layer; expected": FIT,
    "this needs torch": "tests/models/test_planets.py has no torch",
    "has no rows; give a table with labels": FIT,
    "folds need; join classes in a copy": FIT,
    "more features than GDAL reads": FIT,
    "is not a known checkpoint": FIT,
    "must be longitude, latitude in degrees, got values": FIT,
    "lacks the array": FIT,
    "must be two-dimensional": FIT,
    "is a single array": FIT,
    "spa_f_act must be": FIT,
    "frequency_num must be": FIT,
    "were never published with weights": FIT,
    "{}: {} must be above 0": FIT,
    "{} is no JSON; download it again": FIT,
    "give a file that holds its data itself": FIT,
    "are read; leave columns out in a copy": FIT,
    "give a table with a row on each line": FIT,
    "states {} and holds {}; download it again": FIT,
    "as no weights do; download it again": FIT,
    "if it is damaged, make it again with": FIT,
    "workers died again and again": CLUSTER,
    "needs certificates; name them": CLUSTER,
    "which all workers can write": CLUSTER,
    "cannot use the model": CLUSTER,
    "must give shape": OWN,
    "give the model itself": "tests/models/test_wrapping.py follows it",
    "must give finite numbers everywhere": OWN,
    "must give the same numbers": OWN,
    "must take (n, 2) places": OWN,
    "must be what rangegeo.wrap returns": "it needs a package: tests/models/test_wrapping.py has one",
    "uninstall one of them": "it needs two packages: tests/models/test_wrapping.py has them",
    "are finer than what the embedded model can tell apart": "it needs the published weights",
    "ask for access on its page": HUB,
    "did not state the commit": HUB,
    "needs credentials and none were found": BUCKET,
    "metadata\\.google": "it is a pattern, and no message",
    "lies in another region": BUCKET,
    "did not answer in time": BUCKET,
    "there is no bucket {}": BUCKET,
    "is being written {}; wait": BUCKET,
    "was copying it to its place": BUCKET,
    "up to {} are needed but the disk": HUB,
    "rows or more": FIT,
    "expected='a network of its package'": VISION,
    "needs a torchvision that was built for torch": VISION,
    "in its shape; give weights of the same network": VISION,
    "get them elsewhere, and type": VISION,
    "expected a file with the weights of a network": VISION,
    "expected the weights of a network": VISION,
    "must give {}, got shape": OWN,
    "that are not finite; choose another encoder": OWN,
    "expected='a function or a module of torch'": OWN,
    "it needs one with a row for each picture": FIT,
    "has no rows; give a folder with pictures": FIT,
    "to build a database of; give a table with some": FIT,
    "there are no colours {}": PAGE,
    'labels must be a list of {"lon"': PAGE,
    "labels must be JSON": PAGE,
    "GetTile needs the whole numbers": PAGE,
    "request must be {}": PAGE,
    "got=beta, example=low": PAGE,
    "there are no data at this place": PAGE,
    "must be west,south,east,north in degrees, got": PAGE,
    "the zoom of a tile must be": PAGE,
    "principal components must be from 0 to 64": PAGE,
    "values, and a download at most": PAGE,
    "which are several GeoTIFFs; take Zarr": PAGE,
    "at zoom {} x and y must be": PAGE,
    "elsewhere and put it into {}": "it needs a registry: tests/suite/test_fetching.py has one, and follows it",
}
ROOT = PACKAGE.parent


@cache
def messages() -> str:
    """All that the rows were told."""
    told = []
    for row in (*hints_of_shell.ROWS, *hints_of_python.ROWS):
        with suppress(Exception):  # the row's own test says what is wrong
            told.append(
                said_in_shell(row) if row in hints_of_shell.ROWS else said_in_python(row, hints_of_python.names)
            )
    return "\n".join(" ".join(each.split()) for each in told)


SITES = sites()


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.place)
def test_a_row_follows_each_text_that_says_what_to_type(site: Site) -> None:
    if any(part in site.text for part in EXEMPT):
        return
    assert re.search(site.pattern, messages()), f"no row of helpers.hints_of_* provokes {site.text!r}"


def test_no_exemption_is_left_over():
    for part in EXEMPT:
        assert any(part in site.text for site in SITES), part
        assert not all(re.search(site.pattern, messages()) for site in SITES if part in site.text), part


def test_the_search_finds_a_text_that_no_row_follows(monkeypatch, tmp_path):
    (tmp_path / "new.py").write_text(
        "def f(n):\n    raise UsageError(f\"{n} is wrong; take {argument('pca', 3)} turtles\")\n"
    )
    monkeypatch.setattr("helpers.hints.PACKAGE", tmp_path)
    (site,) = sites()
    assert re.search(site.pattern, "5 is wrong; take --pca 3 turtles")
    assert re.search(site.pattern, "5 is wrong; take pca=3 turtles")
    assert not re.search(site.pattern, messages())


def test_what_is_restored_is_there():
    """`git checkout` and `pip install -e .` are not run; what they name is there."""
    assert "git checkout rangegeo/weights/demo && pip install -e ." in messages()
    assert (ROOT / "rangegeo" / "weights" / "demo").is_dir()


# ------------------------------------------------------------------------------------------------ pip install


def distributions() -> set[str]:
    """The distributions that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    return {re.match(r"[\w.-]+", line)[0] for line in named} - {"rangegeo"}


def test_what_is_to_be_installed_is_a_distribution_of_the_project():
    wanted = re.findall(r"pip install (?:--no-deps )?([\w][\w.-]*)", messages())
    assert {"scikit-learn", "matplotlib", "pystac", "antimeridian", "h5netcdf", "geoclip"} <= set(wanted)
    assert set(wanted) <= distributions()


def test_optional_packages_are_distributions_of_the_project():
    from rangegeo.support.optional import DISTRIBUTIONS, EXTRAS

    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_optional":
                assert isinstance(node.args[0], ast.Constant | ast.Name)
                if isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value.split(".")[0])
    assert "sklearn" in found
    assert {DISTRIBUTIONS.get(name, name) for name in found} <= distributions()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extra in EXTRAS.items():
        assert any(line.startswith(DISTRIBUTIONS.get(name, name)) for line in project["optional-dependencies"][extra])


# ----------------------------------------------------------------------------------------------- user's file


def test_no_message_tells_to_change_the_file_that_was_given():
    """What mends a file writes another one: with a copy, or under a name that is free."""
    for line in messages().splitlines():
        for advice in re.findall(
            r"(?:take|put|correct|rename|quote|convert) [^;]*?(?:out of|in|to) (?:a )?(\w+)", line
        ):
            assert advice not in ("it", "file"), line
        assert not re.search(r"\bsed -i\b|-overwrite\b(?<!--overwrite)|\bmv\b|\bedit\b", line), line

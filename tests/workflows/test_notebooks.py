"""The notebooks run as they are, and what is stored in them is what a reader should see."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "workflows/notebooks").glob("*.ipynb"))
NAMES = {
    "first_cube",
    "betas_as_scales",
    "cube_to_map",
    "similarity",
    "your_own_weights",
    "your_own_encoder",
    "cluster",
}
LARGEST = 1_000_000  # bytes
SECONDS = 300  # a cell may take on a machine that is busy with other tests
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp|var|usr|opt)/|[A-Za-z]:\\\\|127\.0\.0\.1|tcp://\d")


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(cell: NotebookNode) -> list[str]:
    """What a cell shows: names of streams and the richest form of each result."""
    return [
        output.name if output.output_type == "stream" else max(output.get("data", {output.output_type: 0}), key=_rank)
        for output in cell.outputs
    ]


def _rank(kind: str) -> int:
    return ["text/plain", "text/html", "image/png"].index(kind) if "/" in kind else 0


def unwanted(notebook: NotebookNode) -> list[str]:
    """Errors, and whatever came on stderr: warnings among it."""
    return [
        f"{cell.source.splitlines()[0]}: {output.get('text') or output.get('ename')}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def stored(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def test_there_are_seven_and_the_guide_names_each():
    assert {path.stem for path in NOTEBOOKS} == NAMES
    linked = re.findall(r"\(\.\./notebooks/(\w+)\.ipynb\)", (ROOT / "workflows/guide/README.md").read_text())
    assert sorted(linked) == sorted(NAMES)
    assert "Seven [notebooks](workflows/notebooks)" in (ROOT / "README.md").read_text()


def test_it_is_stored_as_it_came_out_of_one_run_from_top_to_bottom(path: Path, stored: NotebookNode):
    nbformat.validate(stored)
    assert [cell.execution_count for cell in code_cells(stored)] == list(range(1, len(code_cells(stored)) + 1))
    assert unwanted(stored) == []
    assert any("image/png" in kinds(cell) for cell in code_cells(stored))
    assert path.stat().st_size < LARGEST


def test_nothing_in_it_tells_of_the_machine_it_ran_on(stored: NotebookNode):
    for cell in code_cells(stored):
        for output in cell.outputs:
            text = {kind: value for kind, value in output.get("data", {}).items() if kind.startswith("text")}
            found = MACHINE.search(str([output.get("text"), *text.values()]))
            assert not found, (cell.source, found[0])


def test_links_between_notebooks_lead_somewhere(path: Path, stored: NotebookNode):
    for cell in stored.cells:
        for target in re.findall(r"\]\((\w+\.ipynb)\)", cell.source):
            assert (path.parent / target).is_file(), target


def test_it_runs_clean_and_shows_what_is_stored(
    path: Path, stored: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # With more of them they wait for cores that other tests use, and a notebook takes four times as long.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own, which shows figures in the notebook
    fresh = nbformat.read(path, as_version=4)
    folder = tmp_path / "here"
    folder.mkdir()
    NotebookClient(
        fresh,
        timeout=SECONDS,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    assert unwanted(fresh) == []
    assert [kinds(cell) for cell in code_cells(fresh)] == [kinds(cell) for cell in code_cells(stored)]
    assert list(folder.iterdir()) == []  # it leaves nothing behind

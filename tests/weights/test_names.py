"""The names that weights and databases may have, which pairs were made together, and what is said of the others."""

from __future__ import annotations

import pytest
from oracles import golden

from rangegeo.encoders import MODELS
from rangegeo.errors import UsageError
from rangegeo.weights import demo, names
from rangegeo.weights.names import database_file, database_for, default_weights, encoder_file
from rangegeo.weights.published import PublishedFile


@pytest.fixture(autouse=True)
def fetched(monkeypatch) -> list[PublishedFile]:
    """The files that would be downloaded; nothing is."""
    asked: list[PublishedFile] = []

    def fetch(wanted: PublishedFile) -> str:
        asked.append(wanted)
        return f"fetched/{wanted.file}"

    monkeypatch.setattr(names, "fetch", fetch)
    return asked


@pytest.mark.parametrize(
    ("weights", "db", "expected"),
    [
        ("demo", None, "demo"),
        ("official", None, "large"),
        ("demo", "demo", "demo"),
        ("official", "large", "large"),
        ("official", "med", "med"),
        ("mine.ckpt", "large", "large"),
        ("mine.ckpt", "mine.npz", "mine.npz"),
        ("mine.ckpt", "demo", "demo"),
        ("demo", "mine.npz", "mine.npz"),
        ("official", "mine.npz", "mine.npz"),
        ("satclip-vit16-l40", None, "large"),
    ],
)
def test_the_database_that_goes_with_weights(weights, db, expected):
    assert database_for(weights, db) == expected


@pytest.mark.parametrize(
    ("weights", "db"),
    [
        ("demo", "large"),
        ("demo", "med"),
        ("official", "demo"),
    ],
)
def test_pairs_that_were_not_made_together_are_refused(weights, db):
    with pytest.raises(UsageError) as caught:
        database_for(weights, db)
    assert caught.value.for_shell() == (
        f"weights and database must be made together, got --weights {weights} --db {db}; "
        "type --weights demo --db demo, or --weights official --db large"
    )
    assert str(caught.value) == (
        f'weights and database must be made together, got weights="{weights}", db="{db}"; '
        'type weights="demo", db="demo", or weights="official", db="large"'
    )


def test_a_database_must_be_given_with_weights_from_a_file():
    with pytest.raises(UsageError) as caught:
        database_for(__file__, None)
    assert caught.value.for_shell() == (
        f"a database must be given with --weights {__file__}, because the two are made together: "
        "type --db large for the published one, or --db PATH"
    )
    assert str(caught.value) == (
        f'a database must be given with weights="{__file__}", because the two are made together: '
        'type db="large" for the published one, or db="PATH"'
    )


def test_a_misspelt_name_is_said_before_a_missing_database():
    with pytest.raises(
        UsageError, match=r"^weights must be demo, official or the path of .*; the file offical does not"
    ):
        database_for("offical", None)


def test_names_lead_to_the_shipped_and_the_published_files(fetched):
    assert encoder_file("demo") == demo.FOLDER / demo.ENCODER
    assert database_file("demo") == demo.FOLDER / demo.DATABASE
    assert fetched == []
    assert encoder_file("official") == "fetched/satclip-vit16-l40.ckpt"
    assert database_file("large") == "fetched/range_db_large.npz"
    assert database_file("med") == "fetched/range_db_med.npz"
    assert [(wanted.repo, wanted.kind) for wanted in fetched] == [
        ("microsoft/SatCLIP-ViT16-L40", "model"),
        ("mvrl/RANGE-database", "dataset"),
        ("mvrl/RANGE-database", "dataset"),
    ]


def test_each_model_has_its_own_published_files(fetched):
    for key in MODELS["SatCLIP"].published:
        assert encoder_file(key, "SatCLIP") == f"fetched/{key}.ckpt"
    assert len(fetched) == 6
    fetched.clear()
    for model in ("GeoCLIP", "TaxaBind", "SINR"):
        encoder_file("official", model)
    assert [wanted.repo for wanted in fetched] == [
        "VicenteVivanco/geoclip-location-encoder",
        "MVRL/ecogeo",
        "MVRL/sinr-location-encoder-1000-cls",
    ]
    for model, weights in (
        ("CSP", "official"),
        ("SINR", "demo"),
    ):
        with pytest.raises(UsageError, match=f"^weights must be .* the file {weights} does not exist"):
            encoder_file(weights, model)
    for model, weights, theirs in (("RANGE+", "satclip-vit16-l10", "SatCLIP"), ("SINR", "taxabind", "TaxaBind")):
        with pytest.raises(UsageError) as caught:
            encoder_file(weights, model)
        needs = f"{theirs}; {model} needs "
        assert str(caught.value).startswith(f'weights="{weights}" belongs to model {needs}')
        assert caught.value.for_shell().startswith(f"--weights {weights} belongs to --model {needs}")


def test_weights_that_are_taken_where_none_are_given():
    assert [default_weights(model) for model in ("RANGE+", "SatCLIP", "GeoCLIP", "Theory")] == [
        "demo",
        "demo",
        "installed",
        None,
    ]
    with pytest.raises(UsageError) as caught:
        default_weights("SINR")
    said = "must be official or the path of a SINR checkpoint (.safetensors)"
    assert str(caught.value) == f"SINR needs weights: weights {said}"
    assert caught.value.for_shell() == f"SINR needs weights: --weights {said}"
    with pytest.raises(UsageError, match=r"^CSP needs weights: weights must be the path of a CSP checkpoint \(\.pth"):
        default_weights("CSP")


def test_a_folder_of_the_hub_leads_to_its_weights(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        encoder_file(str(tmp_path), "SINR")
    (tmp_path / "pytorch_model.bin").touch()
    assert encoder_file(str(tmp_path), "SINR") == tmp_path / "pytorch_model.bin"
    (tmp_path / "model.safetensors").touch()
    assert encoder_file(str(tmp_path), "SINR") == tmp_path / "model.safetensors"
    with pytest.raises(UsageError, match="is a folder"):
        encoder_file(str(tmp_path), "SatCLIP")


def test_paths_lead_to_themselves(monkeypatch, tmp_path):
    for path in (golden.GOLDEN / "satclip-mini.ckpt", golden.GOLDEN / "range_db_mini.npz"):
        assert encoder_file(str(path)) == path
        assert database_file(str(path)) == path
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.ckpt").touch()
    assert encoder_file("~/own.ckpt") == tmp_path / "own.ckpt"


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        (
            lambda weights: encoder_file(weights, "RANGE+"),
            "--weights must be demo, official or the path of a SatCLIP checkpoint (.ckpt)",
        ),
        (
            encoder_file,
            "--weights must be demo, official, satclip-vit16-l40, satclip-vit16-l10, satclip-resnet18-l40, "
            "satclip-resnet18-l10, satclip-resnet50-l40, satclip-resnet50-l10 or the path of a SatCLIP checkpoint "
            "(.ckpt)",
        ),
        (
            lambda weights: encoder_file(weights, "GeoCLIP"),
            "--weights must be installed, official or the path of a GeoCLIP checkpoint (.pth)",
        ),
        (
            lambda weights: encoder_file(weights, "SINR"),
            "--weights must be official or the path of a SINR checkpoint (.safetensors)",
        ),
        (lambda weights: encoder_file(weights, "CSP"), "--weights must be the path of a CSP checkpoint (.pth.tar)"),
        (database_file, "--db must be demo, large, med or the path of a RANGE database (.safetensors or .npz)"),
    ],
)
def test_what_is_neither_a_name_nor_a_file_is_refused(find, expected, tmp_path):
    for given, what in (("larger", "does not exist"), (str(tmp_path), "is a folder"), ("", "is a folder")):
        with pytest.raises(UsageError) as caught:
            find(given)
        assert caught.value.for_shell() == f"{expected}; the file {given} {what}"
        assert str(caught.value) == f"{expected.removeprefix('--')}; the file {given} {what}"

"""The table of published files, and the names that users may give."""

from __future__ import annotations

import pytest

from rangegeo.encoders import FAMILIES, MODELS
from rangegeo.errors import UsageError
from rangegeo.weights.published import ALIASES, PUBLISHED, published, published_files


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_file_can_be_had_somehow(name):
    file = published(name)
    assert bool(file.repo) != bool(file.archive)
    assert file.kind in ("model", "dataset")
    assert file.form in ("database", *FAMILIES)
    assert file.file
    assert file.licence
    assert (file.size is None) == bool(file.archive)


@pytest.mark.parametrize("tower", ["ViT16", "ResNet18", "ResNet50"])
@pytest.mark.parametrize("degree", [10, 40])
def test_the_six_checkpoints_of_satclip(tower, degree):
    name = f"satclip-{tower.lower()}-l{degree}"
    file = published(name)
    assert (file.repo, file.file) == (f"microsoft/SatCLIP-{tower}-L{degree}", f"{name}.ckpt")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["RANGE+"], ["satclip-vit16-l40", "range_db_large"]),
        (["range"], ["satclip-vit16-l40", "range_db_large"]),
        (["official", "med"], ["satclip-vit16-l40", "range_db_med"]),
        (["SatCLIP", "RANGE+", "SatCLIP-ViT16-L40"], ["satclip-vit16-l40", "range_db_large"]),
        (["GeoCLIP", "SINR", "TaxaBind", "CSP", "CSP_INat"], ["geoclip", "sinr", "taxabind", "csp", "csp_inat"]),
        ([], []),
    ],
)
def test_files_by_what_users_call_them(words, names):
    assert list(published_files(words)) == names


@pytest.mark.parametrize("model", [name for name, row in MODELS.items() if row.has_weights])
def test_every_model_with_weights_has_files_and_says_the_same_of_them(model):
    row = MODELS[model]
    files = published_files([model])
    assert {file.form for file in files.values()} - {"database"} == {row.family}
    assert set(row.published) <= PUBLISHED.keys()
    if row.temperature is None:
        assert {file.licence for file in files.values()} == {row.licence}


def test_aliases_lead_to_files():
    assert set(ALIASES.values()) <= PUBLISHED.keys()


@pytest.mark.parametrize("word", ["", "satclip-vit16-l39", "demo", "Theory"])
def test_other_words_are_refused(word):
    with pytest.raises(
        UsageError, match=rf"expected a published file or a model with one, got '{word}'; type rangegeo"
    ):
        published_files([word])

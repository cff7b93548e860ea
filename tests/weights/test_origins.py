"""The data behind encoders and databases: a page if it is known, else the hash of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from rangegeo.models.load import load_model
from rangegeo.weights.demo import DATABASE, demo_file
from rangegeo.weights.origins import BLUE_MARBLE, source_data

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (demo_file(DATABASE), DATABASE, BLUE_MARBLE),
        (Path("elsewhere") / DATABASE, DATABASE, f"hash://sha256/{HASH}"),
        (Path("blobs") / HASH, "range_db_large.npz", "https://huggingface.co/datasets/mvrl/RANGE-database"),
        (Path("mine.npz"), "mine.npz", f"hash://sha256/{HASH}"),
    ],
)
def test_known_files_have_a_page(path, name, expected):
    assert source_data(path, name, HASH) == expected


@pytest.mark.parametrize("tower", ["vit16-l40", "resnet50-l10"])
def test_the_published_encoders_were_made_from_sentinel_2(tower):
    assert "sentinel-2" in source_data(Path("x"), f"satclip-{tower}.ckpt", HASH)


def test_a_model_says_the_source_of_what_it_averages(mini, golden):
    assert mini.source_data == f"hash://sha256/{mini.facts['database']['sha256']}"
    alone = load_model("SatCLIP", weights=str(golden / "satclip-mini.ckpt"), device="cpu")
    assert alone.source_data == f"hash://sha256/{alone.facts['encoder']['sha256']}"
    assert load_model("RANGE+", device="cpu").source_data == BLUE_MARBLE


def test_a_model_without_weights_has_its_paper():
    assert load_model("Direct", device="cpu").source_data == "https://arxiv.org/abs/2502.19781"

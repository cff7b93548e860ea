"""What a file claims to hold is looked at before memory is taken for it."""

from __future__ import annotations

import pytest
from helpers.malice import claiming_tif

import rangegeo as rg
from rangegeo.errors import CubeError
from rangegeo.grid.claimed import check_claim

# The shape of a cube, that of its blocks, and the bytes of a value.
LARGE = {
    "RANGE at 10 m in a country": ((1, 1280, 40_000, 60_000), (1, 16, 256, 256), 4),
    "three bands of a continent": ((3, 400_000, 600_000), (3, 512, 512), 1),
    "a file in strips": ((3, 100_000, 100_000), (3, 1, 100_000), 4),
}
TOO_LARGE = {
    "a long row": ((1, 1, 2**24 + 1), (1, 1, 256), "pixels, and rangegeo opens at most 16,777,216 a side"),
    "many pixels": ((1, 2**20, 2**20), (1, 2**10, 2**10), "pixels, and rangegeo opens at most"),
    "many bands": ((3, 2**14, 8, 8), (1, 1, 8, 8), "claims 49,152 bands"),
    "many blocks": ((1, 10**5, 10**5), (1, 8, 8), "in 156,250,000 blocks"),
    "large blocks": ((1, 8, 8), (1, 2**15, 2**15), r"has blocks of 4\.3 GB"),
}


@pytest.mark.parametrize("case", LARGE)
def test_large_cubes_are_opened(case):
    shape, block, itemsize = LARGE[case]
    check_claim("a", shape, block, itemsize)


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_no_memory_holds_is_refused(case):
    shape, block, said = TOO_LARGE[case]
    with pytest.raises(CubeError, match=rf"^a .*{said}.*; check where it comes from"):
        check_claim("a", shape, block, 4)


def test_a_file_without_pixels_is_opened_if_it_claims_few(tmp_path):
    claiming_tif(tmp_path / "a.tif", 1000, 1000)
    assert rg.open_cube(tmp_path / "a.tif").shape == (1, 1000, 1000)

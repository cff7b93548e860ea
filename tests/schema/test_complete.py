"""Cubes that other programs hand back, made whole again."""

from __future__ import annotations

import rangegeo as rg


def test_a_band_that_reindex_made_up_is_called_by_its_number(mini, tmp_path):
    cube = rg.raster((5, 44, 6, 45), 0.1, model=mini, bands=[1, 2]).reindex(band=[2, 9])
    cube.rangegeo.to_zarr(tmp_path / "a.zarr")
    assert rg.open_cube(tmp_path / "a.zarr")["band_name"].values.tolist() == ["visual_01", "band_9"]

"""The same values on a CUDA device as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import golden

from rangegeo.encoders import MODELS
from rangegeo.field.geographic import fold
from rangegeo.field.places import Places
from rangegeo.field.range import GEOGRAPHIC_TEMPERATURE, RangeField

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("separable", [True, False])
def test_range_plus_on_cuda_is_range_plus_on_the_cpu(folded, separable):
    database = golden.load("range_db_mini")
    keys = torch.nn.functional.normalize(torch.from_numpy(database["satclip_embeddings"]).float(), dim=1)
    values, locs = torch.from_numpy(database["image_embeddings"]).float(), torch.from_numpy(database["locs"])
    coefficients = fold(locs, values, GEOGRAPHIC_TEMPERATURE) if folded else None
    encoder = golden.encoder("satclip-mini.ckpt", 40)
    field = RangeField(encoder, keys, values, locs, temperature=MODELS["RANGE+"].temperature, folded=coefficients)
    grid = Places.grid(torch.linspace(-180, 180, 37), torch.linspace(-90, 90, 19))
    places = grid if separable else Places.scattered(grid.lonlat_deg)
    expected = field(places, [0.0, 0.5, 1.0]).numpy()
    found = field.to("cuda")(places.to("cuda"), [0.0, 0.5, 1.0]).cpu().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())

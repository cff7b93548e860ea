"""Every model gives the same values on a CUDA device as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import golden
from oracles.every import SMALL, each_model

import rangegeo as rg
from rangegeo.encoders import MODELS

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", each_model())
def test_a_model_on_the_gpu_is_the_model_on_the_cpu(name):
    arguments = SMALL[name].arguments
    coords = torch.from_numpy(golden.load(SMALL[name].file)["lonlat"])
    cpu, gpu = (rg.load_model(name, device=device, **arguments) for device in ("cpu", "cuda"))
    expected = np.asarray(cpu(coords))
    tolerance = 3e-6 * max(1, np.abs(expected).max())
    found = gpu(coords.cuda())
    assert isinstance(found, np.ndarray) == MODELS[name].returns_array
    if torch.is_tensor(found):
        assert found.is_cuda
        found = found.cpu().numpy()
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(gpu.encode(coords), expected, rtol=0, atol=tolerance)
    moved = cpu.to("cuda")
    if list(moved.buffers()):
        assert moved.spec.device == "cuda:0"
        np.testing.assert_allclose(np.asarray(torch.as_tensor(moved(coords)).cpu()), expected, rtol=0, atol=tolerance)

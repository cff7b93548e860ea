"""The stand-in device itself: it computes as the CPU does, and refuses what a GPU refuses."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.elsewhere import ELSEWHERE, DevicesMeet, ElsewhereTensor, elsewhere

import rangegeo

NUMBERS = torch.arange(12, dtype=torch.float64).reshape(3, 4)


@pytest.fixture(autouse=True)
def _there():
    with elsewhere():
        yield


@pytest.fixture
def there() -> torch.Tensor:
    return NUMBERS.to(ELSEWHERE)


def test_tensors_go_there_and_come_back(there):
    assert isinstance(there, ElsewhereTensor)
    assert there.device == ELSEWHERE
    assert there.to(ELSEWHERE) is there
    assert type(there.cpu()) is torch.Tensor
    np.testing.assert_array_equal(there.cpu(), NUMBERS)
    assert there.sum().item() == 66
    assert there[0].tolist() == [0, 1, 2, 3]
    there.cpu()[0] = 9
    assert float(there[0, 0]) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda device: torch.zeros(3, device=device),
        lambda device: torch.arange(1, 7, device=device),
        lambda device: torch.linspace(0, 1, 5, device=str(device)),
        lambda device: torch.tensor([1.0, 2.0], device=device),
        lambda device: torch.as_tensor([1, 2], device=device),
        lambda device: torch.from_numpy(np.ones(3)).to(device),
        lambda device: torch.ones(3).to(torch.ones(2, device=device)),
        lambda device: torch.ones(3).to(device, torch.float64),
        lambda device: torch.empty(2, device=device).fill_(1.0),
        lambda device: torch.ones(2, device=device).new_tensor([1, 2]),
        lambda device: torch.ones(2, device=device).new_zeros(3, 4),
        lambda device: torch.zeros_like(torch.ones(2, device=device)),
        lambda device: torch.nn.Linear(4, 2, dtype=torch.float64).to(device)(NUMBERS.to(device)),
    ],
)
@pytest.mark.parametrize("inference", [True, False])
def test_whatever_is_made_there_is_there(make, inference):
    with torch.inference_mode(inference):
        made = make(ELSEWHERE)
        assert isinstance(made, ElsewhereTensor)
        made = made.detach().cpu()
        assert type(made) is torch.Tensor
        assert made.isfinite().all()


def test_views_share_their_memory(there):
    there[1:].t()[0] += 10
    assert there[:, 0].tolist() == [0, 14, 18]
    out = torch.zeros(5, 3, device=ELSEWHERE, dtype=torch.float64)
    torch.mm(there, there.T, out=out[2:])
    np.testing.assert_array_equal(out[2:].cpu(), there.cpu() @ there.cpu().T)
    assert not out[:2].any()


def test_a_number_may_come_from_the_cpu_as_on_a_gpu(there):
    number = torch.tensor(2.0)
    for found, expected in ((there * number, NUMBERS * 2), (there.masked_fill(there > 3, number)[2], [2.0] * 4)):
        np.testing.assert_array_equal(found.cpu(), expected)
    there[0] = number
    there[there > 3] = number
    assert there.max() == 2


@pytest.mark.parametrize(
    "mistake",
    [
        lambda there: there + torch.ones(4),
        lambda there: torch.ones(3, 4).add_(there),
        lambda there: torch.tensor(1.0).add_(there[0, 0]),
        lambda there: there @ torch.ones(4, 2, dtype=torch.float64),
        lambda there: torch.cat([there, NUMBERS]),
        lambda there: torch.stack([there[0, 0], torch.tensor(1.0)]),
        lambda there: torch.addmm(torch.tensor(1.0), there, there.T),
        lambda there: torch.mm(there, there.T, out=torch.empty(3, 3, dtype=torch.float64)),
        lambda there: torch.where(there > 0, there, torch.zeros(3, 4, dtype=torch.float64)),
        lambda there: there[torch.tensor([0, 1])],
        lambda there: there[:, torch.tensor([True, False, True, True])],
        lambda there: there.__setitem__(slice(1), torch.ones(4)),
        lambda there: there.__setitem__(torch.tensor([0]), 1.0),
        lambda there: NUMBERS[there > 3],
        lambda there: NUMBERS.__setitem__(slice(None), there),
        lambda there: torch.nn.Linear(4, 2, dtype=torch.float64)(there),
        lambda there: there * torch.arange(4),
        lambda there: there * torch.from_numpy(np.ones(4)),
        lambda there: there * torch.empty(4, device="meta"),
        lambda there: there.numpy(),
        lambda there: np.asarray(there),
        lambda there: np.sin(there),
        lambda there: there[0, 0].numpy(),
    ],
)
@pytest.mark.parametrize("inference", [True, False])
def test_two_devices_never_meet(there, mistake, inference):
    with torch.inference_mode(inference), pytest.raises(DevicesMeet):
        mistake(there)


def test_gradients_flow_there():
    layer = torch.nn.Linear(4, 1, dtype=torch.float64).to(ELSEWHERE)
    layer(NUMBERS.to(ELSEWHERE)).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.cpu(), NUMBERS.sum(dim=0)[None])


def test_the_plain_meta_device_is_still_there():
    assert type(torch.empty(3, device="meta")) is torch.Tensor


# A tensor made without a device is on torch's default device: the CPU, or whatever the program has chosen.
FACTORIES = {"empty", "zeros", "ones", "full", "arange", "linspace", "logspace", "tensor", "eye", "rand", "randn"}
FOR_WEIGHTS = {"geoclip.py"}  # parameters of a network without values are made on the device that the caller chooses


def test_the_package_names_the_device_of_every_tensor_that_it_makes():
    nameless = []
    for path in sorted(Path(rangegeo.__file__).parent.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and path.name not in FOR_WEIGHTS:
                made = ast.unparse(call.func).removeprefix("torch.") in FACTORIES
                if made and "torch" in ast.unparse(call.func) and "device" not in [word.arg for word in call.keywords]:
                    nameless.append(f"{path.name}:{call.lineno}: {ast.unparse(call)}")
    assert not nameless

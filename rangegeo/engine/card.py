"""What a GPU needs and a CPU does not: blocks that fit into its memory, and copies that let it work on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from rangegeo.errors import DeviceError, argument
from rangegeo.support import reused
from rangegeo.support.text import human_bytes

Result = TypeVar("Result")
# What torch says when a library of CUDA, and not torch itself, finds no memory.
SHORTAGES = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


def device_of(evaluator: object) -> str:
    """The device that an evaluator works on; the CPU for those that name none."""
    return str(getattr(evaluator, "device", "cpu"))


def is_card(device: torch.device | str) -> bool:
    """Whether a torch device is a GPU with memory of its own."""
    return torch.device(device).type == "cuda"


class FittingBlock:
    """The size of a block of work that the memory of a device has room for. Threads may share it.

    Attributes:
        size: the largest size that has not failed; it shrinks and never grows.
    """

    def __init__(self, device: str, size: int, smallest: int) -> None:
        self.device, self.size, self.smallest = device, size, smallest

    def run(self, work: Callable[[int], Result], count: int) -> Result:
        """Call `work` with the size of a block. It is called again with half the size if the memory was too small.

        Args:
            count: how much there is to do; no block is larger.
        Raises:
            DeviceError: the smallest block does not fit.
        """
        while True:
            size = max(1, min(self.size, count))
            try:
                return work(size)
            except RuntimeError as error:
                if not is_shortage(error):
                    raise
            # Only now are the tensors of the failed call gone: the error had held them.
            if is_card(self.device):
                torch.cuda.empty_cache()
            if size <= self.smallest:
                raise too_small(self.device)
            self.size = max(self.smallest, size // 2)


def is_shortage(error: BaseException) -> bool:
    """Whether an error of torch says that a device has no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in SHORTAGES)


@contextmanager
def holding(device: str, nbytes: int) -> Iterator[None]:
    """A context that moves a model of so many bytes to a device.

    Raises:
        DeviceError: it does not fit.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_shortage(error):
            raise
        raise too_small(device, f"hold the model, which takes {human_bytes(nbytes)}") from error


def too_small(device: str, what: str = "evaluate even a few places") -> DeviceError:
    """The error of a device whose memory has no room for something."""
    room = ""
    if is_card(device):
        free, total = torch.cuda.mem_get_info(device)
        room = f": {human_bytes(free)} of {human_bytes(total)} are free"
    return DeviceError(
        f"{device} has too little memory to {what}{room}; end other programs that use it, or give "
        f"{argument('device', 'cpu')}"
    )


def on_cpu(values: Tensor) -> Tensor:
    """Values as float32 on the CPU."""
    return values if values.device.type == "cpu" else copied(values, empty_beside(values.device, values.shape))


def empty_beside(device: torch.device, shape: Sequence[int]) -> Tensor:
    """Float32 memory on the CPU that is not set yet, for values that come from a device.

    A GPU copies without a detour into memory that is never paged out. Where there is not enough of it, or no GPU, the
    memory is NumPy's, which gets huge pages: to touch many small ones first takes as long as the interpolation.
    """
    if is_card(device):
        try:
            return torch.empty(shape, dtype=torch.float32, device="cpu", pin_memory=True)
        except RuntimeError as error:
            if not is_shortage(error):
                raise
    return torch.from_numpy(reused.empty(shape))


def copied(values: Tensor, out: Tensor) -> Tensor:
    """Copy values into memory on the CPU, and wait until they are there.

    On a GPU the copy has a stream of its own, so that what other threads have asked for is computed meanwhile.
    """
    if not is_card(values.device):
        return out.copy_(values)
    stream = torch.cuda.Stream(values.device)
    stream.wait_stream(torch.cuda.current_stream(values.device))  # until the values are computed
    with torch.cuda.stream(stream):
        out.copy_(values, non_blocking=True)
    stream.synchronize()
    return out

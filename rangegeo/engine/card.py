"""What a GPU needs and a CPU does not: blocks that fit into its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from rangegeo.errors import DeviceError, argument
from rangegeo.support.text import human_bytes

Result = TypeVar("Result")
# What torch says when a library of CUDA, and not torch itself, finds no memory.
SHORTAGES = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


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

    def run(self, work: Callable[[int], Result]) -> Result:
        """Call `work` with the size of a block. It is called again with half the size if the memory was too small.

        Raises:
            DeviceError: the smallest block does not fit.
        """
        while True:
            size = self.size
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
            self.size = min(self.size, max(self.smallest, size // 2))


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

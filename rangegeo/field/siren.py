"""SIREN, the sine network at the end of SatCLIP's location encoder (arXiv:2006.09661, arXiv:2311.17179)."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

FIRST_FREQUENCY = 30.0  # w0, a factor in the first layer's sine; microsoft/SatCLIP


class Siren(nn.Module):
    """sin(30 (x W0ᵀ + b0)), then sin(h Wᵀ + b) for each further hidden layer, then a linear layer; all in float64.

    Args:
        features: width of the input.
        capacity: width of the hidden layers.
        hidden_layers: number of sine layers, at least 1.
        dim: width of the output.
    """

    def __init__(self, features: int, capacity: int, hidden_layers: int, dim: int) -> None:
        super().__init__()
        widths = [features] + [capacity] * hidden_layers
        self.layers = nn.ModuleList(nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(widths))
        self.last_layer = nn.Linear(capacity, dim, dtype=torch.float64)

    @property
    def first(self) -> nn.Linear:
        """The first hidden layer."""
        return cast(nn.Linear, self.layers[0])

    def forward(self, features: Tensor) -> Tensor:
        """(n, features) to (n, dim)."""
        return self.from_first_product(features @ self.first.weight.T)

    def from_first_product(self, product: Tensor) -> Tensor:
        """All of the network but the product of its first layer.

        Args:
            product: (n, capacity), the input times the weights of the first layer.
        Returns:
            (n, dim).
        """
        hidden = torch.sin(FIRST_FREQUENCY * (product + self.first.bias))
        for layer in self.layers[1:]:
            hidden = torch.sin(layer(hidden))
        return self.last_layer(hidden)

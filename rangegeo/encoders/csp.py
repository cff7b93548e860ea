"""CSP's location encoder: grid-cell features of degrees and a small network, in float32 as it was trained.

Source: Mai et al. 2023, arXiv:2305.01118; gengchenmai/csp, module.py and SpatialRelationEncoder.py.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from rangegeo.encoders.space2vec import geometric_frequencies, grid_cells, smooth_arc_deg
from rangegeo.field.encoder import LocationEncoder
from rangegeo.field.places import Places

ACTIVATIONS = {
    "gelu": nn.GELU(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leakyrelu": nn.LeakyReLU(0.2),
}
SMOOTH = ("gelu", "sigmoid", "tanh")  # activations without kinks


class CSPEncoder(LocationEncoder):
    """Places to (n, dim) float32. The last layer has an activation too, but no layer norm.

    Args:
        frequencies: (F,) float64.
        widths: of the hidden layers, then of the output.
        activation: "gelu", "sigmoid", "tanh", "relu" or "leakyrelu".
        normalise: whether hidden layers end with a layer norm.
        skip: whether a hidden layer that is as wide as its input adds the input.
    """

    frequencies: Tensor

    def __init__(
        self, frequencies: Tensor, widths: tuple[int, ...], activation: str, *, normalise: bool, skip: bool
    ) -> None:
        super().__init__()
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.smooth_deg = smooth_arc_deg(frequencies) if activation in SMOOTH else 0.0
        self.dim = widths[-1]
        last = len(widths) - 1
        self.layers = nn.ModuleList(
            Layer(
                inputs,
                outputs,
                ACTIVATIONS[activation],
                normalise=normalise and index < last,
                skip=skip and index < last,
            )
            for index, (inputs, outputs) in enumerate(pairwise((4 * len(frequencies), *widths)))
        )

    def forward(self, places: Places) -> Tensor:
        hidden = grid_cells(places.lonlat_deg, self.frequencies).float()
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


class Layer(nn.Module):
    """A linear layer and its activation; then the input is added if the widths are equal; then a layer norm.

    Args:
        inputs, outputs: widths.
        activation: the module after the linear layer.
        normalise: whether there is a layer norm.
        skip: whether the input is added, if the widths are equal.
    """

    def __init__(self, inputs: int, outputs: int, activation: nn.Module, *, normalise: bool, skip: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.activation = activation
        self.skip = skip and inputs == outputs
        self.layernorm = nn.LayerNorm(outputs) if normalise else None

    def forward(self, hidden: Tensor) -> Tensor:
        outputs = self.activation(self.linear(hidden))
        if self.skip:
            outputs = outputs + hidden
        return outputs if self.layernorm is None else self.layernorm(outputs)


def network(settings: dict) -> CSPEncoder:
    """The network that a file's settings describe, without its weights. It is the encoder."""
    frequencies = geometric_frequencies(settings["frequency_num"], settings["min_radius"], settings["max_radius"])
    hidden = (settings["hidden_dim"],) * settings["num_hidden_layer"]
    return CSPEncoder(
        frequencies,
        (*hidden, settings["num_filts"]),
        settings["spa_f_act"],
        normalise=settings["use_layn"],
        skip=settings["skip_connection"],
    )

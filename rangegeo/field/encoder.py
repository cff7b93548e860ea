"""What all location encoders have in common."""

from __future__ import annotations

from torch import nn


class LocationEncoder(nn.Module):
    """A module from `Places` to (n, dim) vectors; the families are in `rangegeo.encoders`.

    Attributes:
        dim: width of the output.
        smooth_deg: degrees over which a few Chebyshev points follow the output; 0 if it has kinks, infinite if it is
            smooth over any patch.
    """

    dim: int
    smooth_deg: float

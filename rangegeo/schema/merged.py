"""What is known about a cube that was joined from others: no less, and no better than of the worst of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rangegeo.schema.cube import REACH, SHARE

LARGEST = ("measured_error", "tolerance", "quantisation_bound_", "quantisation_error_", "quantisation_margin")
SUMMED = ("evaluations", "proof_pixels", "refined_parts", "quantisation_clipped")
LISTED = ("aoi", "quantisation_dtype", "quantisation_ranges", "rangegeo_version", "torch_version")
OF_ONE_PART = ("command", SHARE, REACH)  # each tells of a part only, even if two parts tell the same
NEED_ALL = ("aoi", "long_name")  # true of the whole only if all parts have it


def merged_facts(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of a cube that was joined from cubes with these facts.

    Errors and tolerances are the largest ones, counts are sums, and names that differ are listed. Other facts are left
    out if the parts do not agree on them.
    """
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part[name] for part in parts if name in part]
        if name in OF_ONE_PART or (name in NEED_ALL and len(values) < len(parts)):
            continue
        if name.startswith(LARGEST):
            found[name] = max(values)
        elif name in SUMMED:
            found[name] = sum(values)
        elif all(value == values[0] for value in values):
            found[name] = values[0]
        elif name in LISTED:
            found[name] = ", ".join(dict.fromkeys(str(value) for value in values))
        elif name == "evaluation":
            found[name] = "interpolated"
        elif name.startswith("pca_"):  # the parts agree up to rounding, or they would not have been joined
            found[name] = values[0]
    return found

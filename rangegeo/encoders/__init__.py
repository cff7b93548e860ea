"""Location encoders, one a file, and the table of the models that users can name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model.

    Attributes:
        temperature: of the semantic retrieval over a database; None for a location encoder alone.
        has_beta: whether a geographic average is blended in.
        citation: where it was published.
    """

    temperature: float | None
    has_beta: bool
    citation: str


MODELS = {
    "RANGE+": ModelRow(temperature=12.0, has_beta=True, citation="arXiv:2502.19781"),  # mvrl/RANGE, range.py
    "RANGE": ModelRow(temperature=15.0, has_beta=False, citation="arXiv:2502.19781"),  # mvrl/RANGE, range.py
    "SatCLIP": ModelRow(temperature=None, has_beta=False, citation="arXiv:2311.17179"),
}

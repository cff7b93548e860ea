"""Inverse temperatures of a model's averages, other than the published ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from rangegeo.encoders import ModelInfo, model_info
from rangegeo.errors import UsageError, argument
from rangegeo.field.temperatures import GEOGRAPHIC_TEMPERATURE, HIGHEST_TEMPERATURE

if TYPE_CHECKING:
    from torch import Tensor

HIGHEST_GEOGRAPHIC_TEMPERATURE = 10_000.0  # then rows within half a degree decide, or else the nearest one alone
# By argument: the average that has the temperature, the largest value, and an example.
DOMAINS = {
    "temperature": ("semantic average", HIGHEST_TEMPERATURE, 15),
    "geographic_temperature": ("geographic average", HIGHEST_GEOGRAPHIC_TEMPERATURE, 160),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperatures:
    """The temperatures of a model; None where it has the published one.

    Attributes:
        temperature: of the semantic average S.
        geographic_temperature: of the geographic average G.
    """

    temperature: float | None = None
    geographic_temperature: float | None = None

    @classmethod
    def checked(cls, model: str, temperature: object, geographic_temperature: object) -> Self:
        """The temperatures that a user asks for; the published ones become None.

        Raises:
            UsageError: the model has no such average, or a temperature is no number in its domain.
        """
        row = model_info(model)
        published = {
            "temperature": row.temperature,
            "geographic_temperature": GEOGRAPHIC_TEMPERATURE if row.has_beta else None,
        }
        given = {"temperature": temperature, "geographic_temperature": geographic_temperature}
        found = {name: _checked(model, name, value, published[name]) for name, value in given.items()}
        return cls(**{name: None if value == published[name] else value for name, value in found.items()})

    def arguments(self, database: Mapping[str, Tensor], row: ModelInfo) -> dict[str, Any]:
        """The arguments of a `RangeField`: the tensors of a database, and the temperatures.

        The folded coefficients of a database are those of the published temperature; with another one they are left
        out, and the geographic average sums all rows.
        """
        tensors = dict(database)
        semantic = row.temperature if self.temperature is None else self.temperature
        if self.geographic_temperature is None:
            return {**tensors, "temperature": semantic}
        tensors.pop("folded")
        return {**tensors, "temperature": semantic, "geographic_temperature": self.geographic_temperature}


def _checked(model: str, name: str, value: object, published: float | None) -> float | None:
    """A temperature as a float; None if none is given."""
    average, highest, example = DOMAINS[name]
    if value is None:
        return None
    if published is None:
        raise UsageError(f"{model} has no {average}; leave out {argument(name)}")
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not 0 < number <= highest:  # NaN is refused too
        got = repr(value) if math.isnan(number) else f"{number:g}"
        expected = f"a number above 0 and at most {highest:g}"
        raise UsageError(argument=name, expected=expected, got=got, example=example)
    return number

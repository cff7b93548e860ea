"""The table of models, and what is said of a name that is not in it."""

from __future__ import annotations

import pytest

from rangegeo.encoders import MODELS, model_info
from rangegeo.errors import UsageError


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_row(name):
    assert model_info(name) is MODELS[name]


@pytest.mark.parametrize(
    ("name", "python", "shell"),
    [
        ("satclip", "did you mean SatCLIP?", "did you mean SatCLIP?"),
        ("nonsense", 'for example model="RANGE+"', "for example --model RANGE+"),
    ],
)
def test_an_unknown_model_is_refused_with_the_list(name, python, shell):
    with pytest.raises(UsageError) as caught:
        model_info(name)
    said = f"must be one of {', '.join(MODELS)}, got '{name}'; "
    assert str(caught.value) == f"model {said}{python}"
    assert caught.value.for_shell() == f"--model {said}{shell}"

"""Evaluators that tests look into: made of a function, or standing before another one."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch

from rangegeo.engine.evaluator import Evaluator, FieldEvaluator
from rangegeo.field.components import Components
from rangegeo.field.places import Places
from rangegeo.models import load


class FakeEvaluator:
    """Location bands that are a function of longitude and latitude; counts the places it is asked for."""

    visual = 0
    shares = False

    def __init__(
        self, function: Callable[[np.ndarray, np.ndarray], np.ndarray], location: int, smooth_deg: float = math.inf
    ) -> None:
        self.function, self.location, self.smooth_deg, self.asked = function, location, smooth_deg, 0

    def evaluating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        assert set(wanted) <= {"location"}
        self.asked += len(places)
        return Components(None, None, torch.from_numpy(self.function(*places.lonlat_deg.numpy().T)).double())


class RecordingEvaluator:
    """Another evaluator, and what it was asked for."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.places: list[np.ndarray] = []
        self.wanted: list[set[str]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.evaluator, name)

    def components(self, places: Places, wanted: Collection[str]) -> Components:
        self.places.append(places.lonlat_deg.numpy())
        self.wanted.append(set(wanted))
        return self.evaluator.components(places, wanted)


def refuse_to_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever evaluates a model, or loads one for a task, is an error from now on."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was evaluated")

    monkeypatch.setattr(FieldEvaluator, "components", refuse)
    monkeypatch.setattr(load, "load_spec", refuse)
    monkeypatch.setattr(load, "_LOADED", {})

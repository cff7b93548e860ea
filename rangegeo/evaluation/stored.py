"""What was learned, as one .npz file: arrays, and facts as JSON. Nothing in it is executed when it is read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rangegeo.errors import UsageError, first_line
from rangegeo.evaluation.answers import Answer
from rangegeo.evaluation.blocks import BlockSide
from rangegeo.evaluation.crossvalidation import HeldOut
from rangegeo.evaluation.features import Scaling
from rangegeo.evaluation.fitting import Fit
from rangegeo.evaluation.labels import Labels, Target
from rangegeo.evaluation.probes import Linear
from rangegeo.evaluation.spread import Scale
from rangegeo.evaluation.tested import MapScores
from rangegeo.evaluation.unlike import Likeness
from rangegeo.models.spec import ModelSpec
from rangegeo.support.destination import check_destination
from rangegeo.support.paths import local_path
from rangegeo.support.unfinished import unfinished

SUFFIX, FACTS, VERSION = ".npz", "facts", 1
PATHS = {"weights": None, "db": None, "device": ""}  # of a spec, that may differ between machines
Arrays = dict[str, np.ndarray]
OF_LABELS = ("lonlat_deg", "weights", "together")
OF_SCORES = ("table", "folds", "classes")


def packed(fit: Fit, labels: Labels) -> tuple[Arrays, dict[str, Any]]:
    """What was learned, as arrays and as facts for JSON."""
    arrays: Arrays = {name: getattr(labels, name) for name in OF_LABELS}
    arrays |= {"mean": fit.scaling.mean, "blocks": fit.blocks}
    arrays |= {"directions": fit.likeness.directions, "projected": fit.likeness.labels}
    for number, (answer, held) in enumerate(zip(fit.answers, fit.held, strict=True)):
        probes = (answer.probe, *answer.members)
        arrays |= {
            f"values_{number}": labels.targets[number].values,
            f"coef_{number}": np.stack([probe.coef for probe in probes]),
            f"intercept_{number}": np.stack([probe.intercept for probe in probes]),
            f"found_{number}": held.found,
            f"fold_{number}": held.folds,
        }
    facts = {
        "version": VERSION,
        "name": labels.name,
        "background": labels.background,
        "remarks": list(fit.remarks),
        "scale": fit.scaling.scale,
        "farthest": fit.likeness.farthest,
        "side": asdict(fit.side),
        "settings": [held.setting for held in fit.held],
        "targets": [
            {name: getattr(answer, name) for name in ("name", "kind", "classes", "unit", "clip")}
            | {"scale": asdict(answer.scale)}
            for answer in fit.answers
        ],
        "scores": {name: getattr(fit.scores, name).to_dict(orient="list") for name in OF_SCORES},
    }
    return arrays, facts


def unpacked(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> tuple[Fit, Labels]:
    """What `packed` packed."""
    targets = tuple(_target(told, arrays[f"values_{number}"]) for number, told in enumerate(facts["targets"]))
    labels = Labels(
        name=facts["name"],
        background=facts.get("background", ""),
        targets=targets,
        lonlat_deg=arrays["lonlat_deg"],
        weights=arrays["weights"],
        together=arrays["together"],
    )
    held = (
        HeldOut(
            target=target,
            weights=labels.weights,
            found=arrays[f"found_{number}"],
            folds=arrays[f"fold_{number}"],
            setting=facts["settings"][number],
            probes=(),
        )
        for number, target in enumerate(targets)
    )
    tables = {name: pd.DataFrame(columns) for name, columns in facts["scores"].items()}
    fit = Fit(
        scaling=Scaling(mean=arrays["mean"], scale=facts["scale"]),
        answers=tuple(_answers(arrays, facts)),
        scores=MapScores(**tables),
        side=BlockSide(**facts["side"]),
        blocks=arrays["blocks"],
        remarks=tuple(facts["remarks"]),
        likeness=Likeness(directions=arrays["directions"], labels=arrays["projected"], farthest=facts["farthest"]),
        held=tuple(held),
    )
    return fit, labels


def _target(told: Mapping[str, Any], values: np.ndarray) -> Target:
    return Target(name=told["name"], kind=told["kind"], values=values, classes=tuple(told["classes"]))


def _answers(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> Iterator[Answer]:
    for number, told in enumerate(facts["targets"]):
        pairs = zip(arrays[f"coef_{number}"], arrays[f"intercept_{number}"], strict=True)
        probe, *members = (Linear(coef=coef, intercept=intercept) for coef, intercept in pairs)
        yield Answer(
            name=told["name"],
            kind=told["kind"],
            classes=tuple(told["classes"]),
            unit=told["unit"],
            probe=probe,
            members=tuple(members),
            scale=Scale(**told["scale"]),
            clip=tuple(told["clip"]) if told.get("clip") else None,
        )


def write_stored(path: str | Path, arrays: Arrays, facts: Mapping[str, Any], *, overwrite: bool) -> Path:
    """Write arrays and facts to a file that gets its name when it is complete. Raises as `FittedMap.save`."""
    path = local_path(path)
    check_suffix(path, "path")
    check_destination(path, sum(array.nbytes for array in arrays.values()), overwrite=overwrite)
    with unfinished(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{FACTS: np.array(json.dumps(facts))}, **arrays)
    return path


def is_stored_map(path: Path) -> bool:
    """Whether a file is one that `FittedMap.save` wrote, by the names of its arrays; they are not read."""
    if path.suffix.lower() != SUFFIX or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as arrays:
        return {f"{FACTS}.npy", *(f"{name}.npy" for name in OF_LABELS)} <= set(arrays.namelist())


def told_of_map(path: Path) -> dict[str, Any]:
    """What a file that `FittedMap.save` wrote holds, as facts by their names. Raises as `FittedMap.load`."""
    arrays, facts = read_stored(path)
    targets = [f"{told['name']} ({told['kind']})" for told in facts["targets"]]
    return {
        "labels": facts["name"],
        "background": facts.get("background") or None,
        "places": len(arrays["lonlat_deg"]),
        "targets": targets,
        "model": {name: value for name, value in facts["model"].items() if value is not None and name != "device"},
        "beta": facts["beta"],
        "opened_by": "rangegeo.FittedMap.load",
    }


def read_stored(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the facts of a file. Raises as `FittedMap.load`."""
    path = local_path(path)
    if not path.is_file():
        raise UsageError(f"{path} does not exist; expected a file that the save of a map wrote")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = json.loads(str(arrays.pop(FACTS)))
        if facts["version"] != VERSION:
            raise ValueError(f"it has version {facts['version']}")
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise UsageError(f"{path} is no file that the save of a map wrote: {first_line(error)}") from error
    return arrays, facts


def same_model(one: ModelSpec, other: ModelSpec) -> bool:
    """Whether two specs name the same model, wherever its files lie."""
    return one.stored | PATHS == other.stored | PATHS


def check_suffix(path: Path, name: str) -> None:
    """Refuse a path, of the argument `name`, that does not end in .npz."""
    if path.suffix.lower() != SUFFIX:
        example = path.with_name(path.name + SUFFIX)
        raise UsageError(argument=name, expected="a name that ends in .npz", got=repr(str(path)), example=example)

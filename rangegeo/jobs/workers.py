"""Before a cluster computes: all its workers must have the same programs, the same model files and the same folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import xarray as xr

from rangegeo.cubes.graph import patch_layers
from rangegeo.cubes.outline import MADE_WITH
from rangegeo.errors import ClusterError, RangegeoError, argument, first_line
from rangegeo.models.load import loaded
from rangegeo.models.spec import ModelSpec
from rangegeo.stores.computing import active_client, reaching_scheduler
from rangegeo.support.location import Location
from rangegeo.support.unfinished import claimed

if TYPE_CHECKING:
    from distributed import Client, Worker

# Packages whose versions must be equal: other versions compute other values, or cannot read the tasks.
PACKAGES = ("rangegeo", "torch", "numpy", "dask", "distributed", "zarr")


def check_workers(cube: xr.DataArray, path: Location) -> None:
    """Refuse a cluster that could not write a cube. Nothing is done if dask computes in this process.

    Args:
        cube: backed by dask.
        path: of the output.
    Raises:
        ClusterError: a worker has other versions or other model files, or does not see the folder of the output; or the
            scheduler or a worker is gone.
    """
    if active_client() is not None:
        check_cluster(_models_of(cube), path)


def check_cluster(models: Iterable[ModelSpec], path: Location) -> None:
    """Refuse a cluster that could not write what it computes from models; raises and returns as `check_workers`."""
    client = active_client()
    if client is None:
        return
    with reaching_scheduler():
        found = client.get_versions(packages=list(PACKAGES))
    check_versions(cast(Mapping[str, Any], found))
    _check_models(client, models)
    _check_folder(client, path)


def check_versions(found: Mapping[str, Any]) -> None:
    """Refuse workers, and a scheduler, with other versions than the client's.

    Args:
        found: the answer of `distributed.Client.get_versions`.
    Raises:
        ClusterError: a version differs.
    """
    own = _versions(found["client"])
    others = {"the scheduler": found["scheduler"]} | {f"the worker {name}": it for name, it in found["workers"].items()}
    for who, told in others.items():
        if told is None:
            continue
        for name, version in _versions(told).items():
            if version != own[name]:
                raise ClusterError(
                    f"{who} has {name} {version or '(none)'}, and this program has {own[name]}; install the same "
                    "versions everywhere"
                )


def _versions(told: Mapping[str, Any]) -> dict[str, str | None]:
    """The versions that must be equal. Of Python, tasks need the same first two numbers."""
    packages = dict(told["packages"]) | {"python": ".".join(told["host"]["python"].split(".")[:2])}
    return {name: packages.get(name) for name in ("python", *PACKAGES)}


def _models_of(cube: xr.DataArray) -> set[ModelSpec]:
    """The models that a cube is computed from, as far as it says."""
    models = {layer.spec.model for layer in patch_layers(cube.data)}
    return models | ({cube.encoding[MADE_WITH][0]} if MADE_WITH in cube.encoding else set())


def _check_models(client: Client, models: Iterable[ModelSpec]) -> None:
    """Load the models on all workers, which also checks the files' hashes."""
    for model in models:
        answers = _answers(client, _load, model)
        _refuse(answers, "cannot use the model", "put the same files at the same paths of all workers")


def _load(model: ModelSpec) -> str | None:
    """Load a model; what is wrong with it, in a line, or None."""
    try:
        loaded(model)
    except (RangegeoError, OSError) as error:
        return first_line(error)
    return None


def _check_folder(client: Client, path: Location) -> None:
    """Let every worker read a file of the output's folder, and write one."""
    with claimed(path) as folder:
        word = uuid.uuid4().hex
        try:
            (folder / f"token-{word}").write_text(word, encoding="utf-8")
            answers = _answers(client, _answer, folder.absolute() if isinstance(folder, Path) else folder, word)
            for worker, said in answers.items():
                if said is None and not _echo(folder, worker, word).is_file():
                    answers[worker] = "it writes elsewhere"
        finally:
            left: list[Any] = list(folder.glob(f"*-{word}"))
            for file in left:
                file.unlink()
    _refuse(answers, f"cannot write beside {path}", f"give another {argument('out')}, which all workers can write")


def _answer(folder: Location, word: str, dask_worker: Worker) -> str | None:
    """Read the file that the client wrote, and write one for it; what is wrong, in a line, or None."""
    try:
        if (folder / f"token-{word}").read_text(encoding="utf-8") != word:
            return "it reads another folder of that name"
        _echo(folder, dask_worker.address, word).write_text(word, encoding="utf-8")
    except (OSError, RangegeoError) as error:
        return getattr(error, "strerror", None) or first_line(error)
    return None


def _echo(folder: Location, worker: str, word: str) -> Location:
    """The file that a worker writes."""
    return folder / f"echo-{''.join(sign if sign.isalnum() else '-' for sign in worker)}-{word}"


def _answers(client: Client, function: Callable[..., str | None], *given: object) -> dict[str, str | None]:
    """What a function that catches its own OSErrors returns on each worker."""
    with reaching_scheduler():
        answers = client.run(function, *given, on_error="return")
    for worker, said in answers.items():
        if isinstance(said, OSError):
            raise ClusterError(f"the worker {worker} is gone; run the same again") from said
        if isinstance(said, Exception):
            raise said
    return answers


def _refuse(answers: Mapping[str, str | None], problem: str, remedy: str) -> None:
    """Refuse the first worker that has answered what is wrong."""
    for worker, said in answers.items():
        if said is not None:
            raise ClusterError(f"the worker {worker} {problem} ({said}); {remedy}")

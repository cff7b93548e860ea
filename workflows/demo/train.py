"""Train the model that rangegeo embeds: pictures in, location encoder and database out.

    python workflows/demo/train.py --out rangegeo/weights/demo

One command, seeded, less than an hour on two cores. Missing pictures are fetched first. The networks, the loss and
the encoders of pictures are those of `rangegeo train` and `rangegeo db build`. It ends with the held-out retrieval
ranks of the files as written, and their sha256.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import imagery
import numpy as np
import patches
import publish
import torch
from features import RAW_WIDTH, Reducer, raw_features

from rangegeo.databases.networks import harmonics_of
from rangegeo.databases.ranks import Retrieval, effective_neighbours, explained
from rangegeo.databases.training import Settings, train
from rangegeo.databases.vision import DEFAULT, picture_encoder

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything; a lattice is counted on the whole globe, and about a third of it is land.

    Attributes:
        held_out: places that are not trained on.
        land_rows, sea_rows: places of the database.
        database_lattice: even lattice whose land places become rows of the database.
        training_lattice: finer lattice for further training places on land.
        thinned: one in so many of the further places is used; more places at equal steps did not help.
        sea_lattice: coarse lattice for training places on the open sea, about two thirds of which are kept.
        settings: of the training.
    """

    held_out: int = 2_000
    land_rows: int = 16_000
    sea_rows: int = 384
    database_lattice: int = 54_000
    training_lattice: int = 130_000
    sea_lattice: int = 9_000
    thinned: int = 2
    settings: Settings = field(default_factory=Settings)


FULL = Scale()
QUICK = Scale(training_lattice=0, sea_lattice=3_000, settings=replace(Settings(), epochs=12))
THREADS = 2  # of torch, whatever the machine has: another number changes the last bits


def main() -> None:
    """Parse the command line and run every step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imagery", type=Path, default=imagery.default_folder(), help="folder of the pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files that ship")
    parser.add_argument(
        "--image-branch", type=Path, help="file for the image side; beside this script, or OUT if quick"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a third of the places and fewer epochs; not what ships")
    parser.add_argument("--new-axes", action="store_true", help="fit principal axes; else the shipped ones")
    arguments = parser.parse_args()
    branch_file = arguments.image_branch or (arguments.out if arguments.quick else HERE) / publish.IMAGE_FILE
    start = time.perf_counter()
    torch.set_num_threads(THREADS)

    def say(text: str) -> None:
        print(f"[{(time.perf_counter() - start) / 60:5.1f} min] {text}", flush=True)

    if imagery.missing(arguments.imagery):
        say(f"fetching pictures to {arguments.imagery}")
        imagery.fetch(arguments.imagery)
    pictures = imagery.load(arguments.imagery)
    arguments.out.mkdir(parents=True, exist_ok=True)
    scale = QUICK if arguments.quick else FULL
    axes = None if arguments.new_axes else HERE / publish.IMAGE_FILE
    make_model(pictures, scale, arguments.seed, arguments.out, branch_file, say, axes=axes)
    print(publish.write_sums(arguments.out), end="")
    say("done")


def make_model(
    pictures: imagery.Imagery,
    scale: Scale,
    seed: int,
    out: Path,
    branch_file: Path,
    say: Callable[[str], None],
    *,
    axes: Path | None,
) -> None:
    """From pictures to the files in `out` and `branch_file`, with the held-out figures of what was written.

    Args:
        axes: a file of `publish.write_image_branch` whose principal axes are taken, so that bands mean what they meant
            before; None to fit new ones.
    """
    places = choose_places(pictures, scale, seed)
    held_out, training = slice(0, scale.held_out), slice(scale.held_out, None)
    database = slice(scale.held_out, scale.held_out + scale.land_rows + scale.sea_rows)
    say(f"{len(places) - scale.held_out} training places, {scale.held_out} held out")

    raw = collect_features(places, pictures, say)
    reducer = Reducer.fit(raw[training]) if axes is None else publish.read_image_branch(axes)[0]
    values = torch.from_numpy(reduce_in_blocks(reducer, raw))
    del raw
    say("visual values ready")

    def report(epoch: int, loss: float) -> None:
        say(f"epoch {epoch}: loss {loss:.3f}")

    lonlat = torch.from_numpy(places)
    trained = train(lonlat[training], values[training], scale.settings, seed=seed, report=report)
    location, head = publish.round_to_half(trained.siren), publish.round_to_half(trained.head)
    keys = head.keys(values[database])
    with torch.inference_mode():
        queries = location(harmonics_of(lonlat[held_out], scale.settings.degree))
        pictured = head(values[held_out])
    publish.write_location(out, location)
    publish.write_image_branch(branch_file, reducer, head)
    publish.write_database(out, places[database], keys, values[database].numpy())

    say("written; what follows is measured with the rounded weights and rows")
    say(f"held out, place to picture: {Retrieval.measure(queries, pictured)}")
    say(f"held out, picture to place: {Retrieval.measure(pictured, queries)}")
    stored_keys, stored_values = keys.half().float(), values[database].half().float()
    neighbours = effective_neighbours(queries, stored_keys)
    say(f"effective neighbours at temperature 12: {neighbours:.0f} of {len(keys)}")
    share = explained(queries, stored_keys, stored_values, values[held_out])
    say(f"share of the held-out values' variance that S explains: {share:.3f}")


def choose_places(pictures: imagery.Imagery, scale: Scale, seed: int) -> np.ndarray:
    """(n, 2) lon, lat in degrees: held-out places, then the database's, then the other training places.

    Held-out places are drawn at random over land. The database's land places are an even lattice, those on
    the open sea are few and teach the model that water looks like water; further training places are a
    finer lattice over land and the rest of a coarse one over the sea.
    """
    generator = np.random.default_rng(seed)
    held_out = patches.on_land(patches.sphere_random(4 * scale.held_out, generator), pictures, generator)
    even = patches.on_land(patches.sphere_lattice(scale.database_lattice), pictures, generator)
    finer = patches.on_land(patches.sphere_lattice(scale.training_lattice), pictures, generator)
    sea = generator.permutation(patches.on_open_sea(patches.sphere_lattice(scale.sea_lattice), pictures))
    if len(held_out) < scale.held_out or len(even) < scale.land_rows:
        raise RuntimeError(f"too few places on land: {len(held_out)} to hold out, {len(even)} for the database")
    kept = np.sort(generator.permutation(len(even))[: scale.land_rows])
    further = np.concatenate([finer, sea[scale.sea_rows :]])[:: scale.thinned]
    return np.concatenate([held_out[: scale.held_out], even[kept], sea[: scale.sea_rows], further])


def collect_features(lonlat_deg: np.ndarray, pictures: imagery.Imagery, say: Callable[[str], None]) -> np.ndarray:
    """(n, RAW_WIDTH) float16 raw features."""
    raw = np.empty((len(lonlat_deg), RAW_WIDTH), np.float16)
    done = 0
    for block in raw_features(lonlat_deg, pictures, picture_encoder(DEFAULT).network):
        raw[done : done + len(block)] = block
        if (done + len(block)) // 10_000 > done // 10_000:
            say(f"features of {done + len(block)} of {len(raw)} places")
        done += len(block)
    return raw


def reduce_in_blocks(reducer: Reducer, raw: np.ndarray, block: int = 8192) -> np.ndarray:
    """(n, RAW_WIDTH) float16 to (n, 256) float32."""
    return np.concatenate([reducer(raw[i : i + block].astype(np.float32)) for i in range(0, len(raw), block)])


if __name__ == "__main__":
    main()

"""The claims of the RANGE paper (arXiv:2502.19781) at the scale of one machine: which hold here, and which do not.

    python workflows/downstream/claims.py -o claims.md

One command, some minutes on two cores with the embedded model. The data of the tasks must be in the cache;
`--fetch` gets it. `--weights` and `--db` take another model.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import rangegeo as rg
from rangegeo.models.model import Model
from rangegeo.weights.database import load_database
from rangegeo.weights.names import database_file, database_for
from rangegeo.weights.written import write_database

TASKS = ("temperature", "precipitation", "elevation", "population")
SHARES = (1.0, 0.5, 0.1)  # of the rows of the database
SEMANTIC, GEOGRAPHIC = (4.0, 12.0, 30.0), (10.0, 40.0, 160.0)  # temperatures; the middle ones are published
BETAS = (0.0, 0.5, 1.0)
SAME = 0.01  # scores that differ by less are the same: the spread over seeds
NEAR_KM = (50, 200, 800)  # distances at which embeddings are compared
PAIRS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim, what was measured, and whether it holds."""

    claim: str
    measured: str
    holds: bool

    @property
    def row(self) -> str:
        return f"| {self.claim} | {self.measured} | {'yes' if self.holds else '**no**'} |"


def main() -> None:
    """Parse the command line, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="demo")
    parser.add_argument("--db")
    parser.add_argument("--places", type=int, default=600, help="of each task")
    parser.add_argument("--task", action="append", help=f"of the suite; default {', '.join(TASKS)}")
    parser.add_argument("--fetch", action="store_true", help="download data that is not in the cache")
    parser.add_argument("-o", "--out", type=Path, required=True, help="Markdown to write")
    arguments = parser.parse_args()
    start = time.perf_counter()
    with TemporaryDirectory() as folder:
        models = variants(arguments.weights, arguments.db, Path(folder))
        tasks = arguments.task or list(TASKS)
        scores = rg.evaluate_suite(
            tasks, model=models, betas=BETAS, places=arguments.places, fetch=arguments.fetch, seeds=1, baselines=False
        )
        smooth = roughness(models["RANGE+"])
    means = mean_scores(scores.table, scores.measures)
    claims = judged(means, smooth)
    minutes = (time.perf_counter() - start) / 60
    text = report(claims, means, smooth, tasks, arguments.places, minutes)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


def variants(weights: str, db: str | None, folder: Path) -> dict[str, Model]:
    """The models that are compared, by their names in tables."""
    db = db or database_for(weights, None)
    options = {"weights": weights, "db": db}
    models = {"RANGE+": rg.load_model("RANGE+", **options), "RANGE": rg.load_model("RANGE", **options)}
    rows = load_database(database_file(db)).tensors
    for share in SHARES[1:]:
        some = np.random.default_rng(0).permutation(len(rows["locs"]))[: round(share * len(rows["locs"]))]
        path = folder / f"{share:g}.safetensors"
        write_database(path, *(rows[name].numpy()[some] for name in ("locs", "keys", "values")), {})
        models[f"{share:.0%} of the rows"] = rg.load_model("RANGE+", weights=weights, db=path)
    for temperature in (SEMANTIC[0], SEMANTIC[-1]):
        models[f"semantic {temperature:g}"] = rg.load_model("RANGE+", temperature=temperature, **options)
    for temperature in (GEOGRAPHIC[0], GEOGRAPHIC[-1]):
        name = f"geographic {temperature:g}"
        models[name] = rg.load_model("RANGE+", geographic_temperature=temperature, **options)
    return models


def mean_scores(table: pd.DataFrame, measures: dict[str, str]) -> pd.Series:
    """The mean score over the tasks in blocks that were left out, by model and features."""
    main_measures = table["measure"] == table["task"].map(measures)
    chosen = table[main_measures & (table["split"] == "block")]
    return chosen.groupby(["encoder", "features"])["value"].mean()


def roughness(model: Model) -> pd.DataFrame:
    """How much embeddings change over a distance: half the mean squared difference, by that of any two places.

    Returns:
        Rows for the betas, columns for `NEAR_KM`; of the visual bands.
    """
    random = np.random.default_rng(0)
    lonlat = np.column_stack(
        [random.uniform(-180, 180, PAIRS), np.degrees(np.arcsin(random.uniform(-0.9, 0.9, PAIRS)))]
    )
    azimuth = random.uniform(0, 2 * np.pi, PAIRS)
    found = {}
    for beta in BETAS:
        here = model.encode(lonlat, beta=beta)[:, : model.visual]
        variance = here.var(axis=0).sum()
        found[beta] = [
            0.5
            * ((model.encode(moved(lonlat, azimuth, km), beta=beta)[:, : model.visual] - here) ** 2).sum(1).mean()
            / variance
            for km in NEAR_KM
        ]
    return pd.DataFrame.from_dict(found, orient="index", columns=list(NEAR_KM))


def moved(lonlat_deg: np.ndarray, azimuth: np.ndarray, km: float) -> np.ndarray:
    """Places at a distance from places."""
    from pyproj import Geod

    lon, lat, _ = Geod(ellps="WGS84").fwd(*lonlat_deg.T, np.degrees(azimuth), np.full(len(azimuth), 1000.0 * km))
    return np.column_stack([lon, lat])


def judged(means: pd.Series, smooth: pd.DataFrame) -> list[Claim]:
    """Each claim with what was measured."""
    alone, best = means["RANGE+", "q"], means["RANGE+", "beta 0.5"]
    sizes = [best, *(means[f"{share:.0%} of the rows", "beta 0.5"] for share in SHARES[1:])]
    semantic = [means[f"semantic {SEMANTIC[0]:g}", "beta 0.5"], best, means[f"semantic {SEMANTIC[-1]:g}", "beta 0.5"]]
    cold, warm = (means[f"geographic {value:g}", "beta 0.5"] for value in (GEOGRAPHIC[0], GEOGRAPHIC[-1]))
    near = smooth[NEAR_KM[0]]
    by_beta = [means["RANGE+", f"beta {beta:g}"] for beta in BETAS]
    range_alone = means["RANGE", "embedding"]
    return [
        Claim(
            claim="RANGE (retrieval and encoder) is better than the location encoder alone",
            measured=f"{range_alone:.3f}, alone {alone:.3f}",
            holds=range_alone > alone + SAME,
        ),
        Claim(
            claim="RANGE+ at beta 0.5 is better than RANGE",
            measured=f"{best:.3f}, RANGE {range_alone:.3f}",
            holds=best > range_alone + SAME,
        ),
        Claim(
            claim="Beta 0.5 is at least as good as beta 0 and beta 1",
            measured=", ".join(f"beta {beta:g} {score:.3f}" for beta, score in zip(BETAS, by_beta, strict=True)),
            holds=by_beta[1] > max(by_beta) - SAME,
        ),
        Claim(
            claim=f"Embeddings are smoother at a smaller beta (change over {NEAR_KM[0]} km)",
            measured=", ".join(f"beta {beta:g} {near[beta]:.3f}" for beta in BETAS),
            holds=near[BETAS[0]] < near[BETAS[1]] < near[BETAS[2]],
        ),
        Claim(
            claim="Half of the rows cost little",
            measured=f"{sizes[0]:.3f} with all, {sizes[1]:.3f} with half",
            holds=sizes[0] - sizes[1] <= SAME,
        ),
        Claim(
            claim="A tenth of the rows still beats the encoder alone",
            measured=f"{sizes[2]:.3f} with a tenth, alone {alone:.3f}",
            holds=sizes[2] > alone + SAME,
        ),
        Claim(
            claim=f"The semantic temperature {SEMANTIC[1]:g} is a good one",
            measured=", ".join(f"{value:g}: {score:.3f}" for value, score in zip(SEMANTIC, semantic, strict=True)),
            holds=semantic[1] > max(semantic) - SAME,
        ),
        Claim(
            claim=f"The geographic temperature {GEOGRAPHIC[1]:g} is a good one",
            measured=f"{GEOGRAPHIC[0]:g}: {cold:.3f}, {GEOGRAPHIC[1]:g}: {best:.3f}, {GEOGRAPHIC[2]:g}: {warm:.3f}",
            holds=best > max(cold, warm) - SAME,
        ),
    ]


def report(
    claims: list[Claim], means: pd.Series, smooth: pd.DataFrame, tasks: list[str], places: int, minutes: float
) -> str:
    """The tables in Markdown."""
    lines = ["| claim | measured here | holds |", "|---|---|---|", *(claim.row for claim in claims), ""]
    features = list(means.unstack().columns)
    lines += [f"| model | {' | '.join(features)} |", f"|---|{'---:|' * len(features)}"]
    for name, row in means.unstack().iterrows():
        shown = [f"{score:.3f}" if np.isfinite(score) else "" for score in row[features]]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines += ["", f"| change over | {' | '.join(f'{km} km' for km in NEAR_KM)} |", f"|---|{'---:|' * len(NEAR_KM)}"]
    lines += [f"| beta {beta:g} | {' | '.join(f'{value:.3f}' for value in row)} |" for beta, row in smooth.iterrows()]
    lines += [
        "",
        f"Tasks: {', '.join(tasks)}; {places} places each, blocks of 10°, one seed; {minutes:.0f} minutes.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Time and memory of whole `rangegeo points` commands, for a hundred thousand rows and for ten million.

    python workflows/benchmark/tables.py [--rows 100000,10000000] [--inputs csv,parquet] [--outputs parquet]
                                           [--set globe]

The model is as small as the published formats allow, so that what is measured is the table's way and not the model's:
16 visual and 8 location bands, 64 database rows. Places are uniform on the sphere or in the box around France.
Everything lies in one temporary folder, removed at the end.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from official import Sizes, make_encoder, write_checkpoint, write_database
from points import SETS
from rasters import Run, run_command

SMALL = Sizes(degree=4, capacity=16, embed=8)
AT_ONCE = 1_000_000  # rows made at a time


def batches(rows: int, places: str) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, AT_ONCE):
        count = min(AT_ONCE, rows - start)
        lon, lat = SETS[places](count, seed=start).round(6).T
        yield pa.record_batch({"id": np.arange(start, start + count), "lon": lon, "lat": lat})


def write_table(path: Path, rows: int, places: str) -> None:
    schema = next(batches(1, places)).schema
    writer = pa.csv.CSVWriter(path, schema) if path.suffix == ".csv" else pq.ParquetWriter(path, schema)
    with writer:
        for batch in batches(rows, places):
            writer.write_batch(batch)


def run(folder: Path, source: Path, output: str) -> Run:
    out = folder / f"out.{output}"
    done = run_command(["points", str(source), "-q", "-o", str(out)], folder)
    out.unlink()
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and memory of `rangegeo points`.")
    parser.add_argument("--rows", default="100000,10000000")
    parser.add_argument("--inputs", default="csv,parquet")
    parser.add_argument("--outputs", default="parquet")
    parser.add_argument("--set", default="globe", choices=SETS)
    arguments = parser.parse_args()
    sizes = [int(text) for text in arguments.rows.split(",")]
    with tempfile.TemporaryDirectory(prefix="rangegeo-benchmark-") as temporary:
        folder = Path(temporary)
        encoder = make_encoder(SMALL)
        write_checkpoint(folder / "satclip.ckpt", encoder)
        write_database(folder / "database.npz", encoder, 64, values=16)
        for kind in arguments.inputs.split(","):
            for output in arguments.outputs.split(","):
                peaks = []
                for rows in sizes:
                    source = folder / f"places.{kind}"
                    write_table(source, rows, arguments.set)
                    done = run(folder, source, output)
                    peaks.append(done.memory)
                    print(
                        f"{rows:>12,} rows of {kind:<8} to {output:<8}{done.seconds:>9.1f} s"
                        f"{rows / done.seconds:>12,.0f} rows/s{done.memory / 1e9:>8.2f} GB",
                        flush=True,
                    )
                print(f"{'largest memory over smallest':<40}{max(peaks) / min(peaks):.2f}\n", flush=True)


if __name__ == "__main__":
    main()

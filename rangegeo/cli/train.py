"""`rangegeo train`: a location encoder of one's own, trained on a database."""

from __future__ import annotations

import click

from rangegeo.cli.arguments import LocalPath
from rangegeo.cli.options import THREADS_OPTION, Verbosity, device_option, grouped, verbosity_options
from rangegeo.cli.streams import print_written
from rangegeo.jobs.train_options import Training, TrainingOutput

TRAINING_OPTIONS = (
    click.option("--degree", type=int, default=40, show_default=True, metavar="N", help="Of the harmonics, up to 100."),
    click.option("--width", type=int, default=512, show_default=True, metavar="N", help="Units of a hidden layer."),
    click.option("--dim", type=int, default=256, show_default=True, metavar="N", help="Numbers of an embedding."),
    click.option("--epochs", type=int, default=24, show_default=True, metavar="N", help="Passes over the rows."),
    click.option("--batch", type=int, default=2048, show_default=True, metavar="N", help="Rows in one contrast."),
    click.option(
        "--decay",
        type=float,
        default=1.0,
        show_default=True,
        metavar="P",
        help="Weigh harmonics of degree l by (1 + l) to the power -P: smoother if larger.",
    ),
    click.option("--weight-decay", type=float, default=3.0, show_default=True, metavar="W", help="Of all weights."),
    click.option("--noise", type=float, default=0.5, show_default=True, metavar="S", help="On values, in deviations."),
    click.option("--contrast", type=float, default=0.3, show_default=True, metavar="W", help="Weight of the contrast."),
    click.option(
        "--regression", type=float, default=1.0, show_default=True, metavar="W", help="Weight of predicting the values."
    ),
    click.option(
        "--place",
        type=float,
        default=1.0,
        show_default=True,
        metavar="W",
        help="Weight of predicting smooth functions of the place.",
    ),
    click.option(
        "--held-out", type=float, default=0.05, show_default=True, metavar="SHARE", help="Of rows not trained on."
    ),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of all that is random."),
    device_option("Where to train."),
    THREADS_OPTION,
)
OUTPUT_OPTIONS = (
    click.option("-o", "--out", type=LocalPath(), required=True, help="Checkpoint: .ckpt, in SatCLIP's form."),
    click.option(
        "--db-out",
        type=LocalPath(),
        metavar="PATH",
        help="The rows with keys of the new encoder: .safetensors or .npz. [default: beside the checkpoint]",
    ),
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
)


@click.command("train")
@click.argument("db", metavar="DB")
@grouped("training", Training, *TRAINING_OPTIONS)
@grouped("output", TrainingOutput, *OUTPUT_OPTIONS)
@verbosity_options
def command(db: str, training: Training, output: TrainingOutput, verbosity: Verbosity) -> None:
    """Train a location encoder on the places and values of a database, by SatCLIP's objective.

    \b
    rangegeo db build --sample 20000 --imagery mosaic.vrt --size-km 10 --pca 256 -o seen.safetensors
    rangegeo train seen.safetensors -o own.ckpt --db-out own.safetensors
    rangegeo raster --bbox 5,44,10,48 --res 0.05 --weights own.ckpt --db own.safetensors -o alps.zarr
    """
    from rangegeo.cli.notices import announce_device
    from rangegeo.cli.progress import shown_progress
    from rangegeo.jobs.train import TrainingJob

    job = TrainingJob.prepare(db, training, output)
    verbosity.say(job.describe())
    announce_device(training.device, verbosity, "training")
    with shown_progress(quiet=verbosity.quiet) as progress:
        written = job.write(progress)
    for line in job.measured:
        verbosity.say(line)
    for path in written:
        print_written(path)

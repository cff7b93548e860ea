"""Rows of messages about repositories of Icechunk, see `helpers.hints`."""

from __future__ import annotations

from helpers.hint_files import BOX, text
from helpers.hints import Row, Way, run_line


def repository() -> None:
    """A repository with a cube."""
    run_line([*f"{BOX} -q -o icechunk://alps".split()])


OTHER = f"{BOX} -o o.zarr"
ICE = f"{BOX} -o icechunk://alps"
SHELL = (
    Row(
        "Zarr format 2 in a repository",
        f"{ICE} --zarr-format 2",
        (Way("Icechunk stores Zarr format 3 alone; leave out (?P<drop>--zarr-format)"),),
    ),
    Row(
        "an item of a repository",
        f"{ICE} --stac",
        (Way("leave out (?P<drop>--stac)"),),
    ),
    Row(
        "an option of a folder's repository",
        f"{ICE} --storage region=a",
        (Way("icechunk:// takes no (?P<drop>--storage) region; leave it out"),),
    ),
    Row(
        "an option that Icechunk does not have",
        f"{BOX} -o icechunk+s3://bucket/alps --storage colour=red",
        (Way(r"--storage colour is not for icechunk\+s3://; expected region, ", then=OTHER),),
    ),
    Row(
        "a repository without a name",
        f"{BOX} -o icechunk://",
        (Way("names no folder; an address is such as icechunk:///data/alps", then=ICE),),
    ),
    Row(
        "a repository in a whole bucket",
        f"{BOX} -o icechunk+s3://bucket",
        (Way("is a whole bucket; give a prefix too, such as", then=OTHER),),
    ),
    Row(
        "an earlier state as output",
        f"{ICE} --overwrite --storage snapshot=A",
        (Way("an earlier state of .* is only read; leave out (?P<drop>--storage) snapshot=A"),),
        (repository,),
    ),
    Row(
        "an earlier state that is not there",
        "info icechunk://alps --storage snapshot=A",
        (Way("has no earlier state A; leave out (?P<drop>--storage) snapshot=A"),),
        (repository,),
    ),
    Row(
        "a folder that is no repository",
        ICE,
        (Way("is no repository of Icechunk and was left as it is; give another -o", give={"-o": "o.zarr"}),),
        (text("alps/notes.txt", "mine"),),
    ),
    Row(
        "a repository that has a cube",
        ICE,
        (
            Way("exists and was left as it is; add (?P<type>--overwrite) to replace it"),
            Way("or give another -o", give={"-o": "o.zarr"}),
        ),
        (repository,),
    ),
    Row(
        "repair of a repository",
        "verify icechunk://alps --repair --pixels 0",
        (Way("its blocks are not repaired; make .* again with --overwrite", then=f"{ICE} --overwrite"),),
        (repository,),
    ),
)

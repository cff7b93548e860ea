"""The README's pictures, by the program itself, made smaller.

rangegeo raster --bbox=-85,-56,-33,13 --res 0.2 --layout components -o america.zarr
rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr
python workflows/pictures/make.py america.zarr alps.zarr
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from PIL import Image

from rangegeo.picture.preview import MAP, preview

WIDTH = 1200  # pixels; a README shows some 900


def make(cube: Path, picture: Path) -> None:
    """The betas of a cube side by side, as `rangegeo preview --strip` draws them,."""
    with tempfile.TemporaryDirectory() as folder:
        (drawn,) = preview([cube], Path(folder) / "drawn.png", MAP)
        with Image.open(drawn) as image:
            height = round(image.height * WIDTH / image.width)
            image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).save(picture, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cubes", type=Path, nargs="+", help="NAME.zarr becomes NAME.png")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    for cube in arguments.cubes:
        make(cube, arguments.folder / f"{cube.stem}.png")

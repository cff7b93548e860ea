"""The README's picture: one cube, its betas side by side, in shared colours.

rangegeo raster --bbox 5,44,10,48 --res 0.01 --beta 0,0.5,1 -o alps.zarr
python workflows/pictures/alps.py alps.zarr
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import rangegeo as rg

PLACES = {"Geneva": (6.14, 46.2), "Torino": (7.68, 45.07), "Mont Blanc": (6.865, 45.833), "Zürich": (8.54, 47.37)}


def draw(cube_path: Path, picture: Path) -> None:
    """One panel a beta, latitude stretched so that a square kilometre is square."""
    cube = rg.open_cube(cube_path)
    colours = cube.rangegeo.rgb().compute()
    figure, panels = plt.subplots(1, cube.sizes["beta"], figsize=(4 * cube.sizes["beta"], 4.9), sharey=True)
    for panel, beta in zip(panels, cube["beta"].values, strict=True):
        colours.sel(beta=beta).plot.imshow(ax=panel, rgb="rgb")
        panel.set(title=f"beta = {beta:g}", xlabel="longitude (°)", ylabel="", aspect=1 / 0.695)
        for name, (lon, lat) in PLACES.items():
            panel.plot(lon, lat, ".", color="white", markersize=4)
            panel.annotate(name, (lon, lat), (3, 3), textcoords="offset points", color="white", fontsize=7)
    panels[0].set_ylabel("latitude (°)")
    figure.tight_layout()
    figure.savefig(picture, dpi=80)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cube", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("alps.png"))
    arguments = parser.parse_args()
    draw(arguments.cube, arguments.out)

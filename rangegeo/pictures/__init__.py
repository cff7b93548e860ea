"""Cubes as pictures for people: colours on the raster's own grid, with a graticule, coastlines, a scale and a title."""

from rangegeo.pictures.figure import draw as draw

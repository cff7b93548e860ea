"""Cubes: what a raster is, its lazy values, and what is derived from them."""

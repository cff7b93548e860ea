"""The spectral engine: Chebyshev interpolation of anything that gives components at places.

It evaluates as few places as it can, interpolates the rest within a tolerance, and measures the error in each
rectangle that it interpolates. It knows no model, file, dask graph or xarray object. `evaluator` says what can be
evaluated, and `rectangles` where the Chebyshev points lie. `fit` finds how many points a rectangle needs, `patches`
covers the pixels of a raster, `points` interpolates scattered places in tiles that they share, `tiles` fits those of a
planet, whose coefficients `rounding` turns into integers, `card` has what only a GPU needs, and `tolerance` checks the
number that users give.
"""

"""The spectral engine: Chebyshev interpolation of anything that gives components at places.

It decides how few places are evaluated, interpolates the rest within a tolerance, and proves that on each rectangle.
It knows no model, file, device, dask graph or xarray object. `evaluator` says what can be evaluated, and `rectangles`
where the Chebyshev points lie. `fit` finds how many points a rectangle needs, `patches` covers the pixels of a raster,
`points` serves scattered places from shared tiles, and `tolerance` checks the number that users give.
"""

"""A model as stored coefficients: how a planet is laid out in a Zarr store.

`layout` has the names of its arrays, the tiles of the globe and the polynomials. It knows no torch. The page
workflows/guide/planet.md specifies the layout for programs in other languages.
"""

"""A model as stored coefficients: how a planet is laid out in a Zarr store.

`layout` has the names of its arrays, the tiles of the globe and the polynomials. `tiles` are integers for coefficients
on their way into the store. `planet` reads a store, and `series` evaluates what was read. Nothing here knows torch. The
page workflows/guide/planet.md specifies the layout for programs in other languages.
"""

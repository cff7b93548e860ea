"""The neural field: longitude and latitude in, vectors out.

This package owns the mathematics of the models and of interpolation, in torch. It imports only `errors` and `support`,
and reads no file but its own table `correction_l40.npz`.

`places` says where a field is evaluated, and `encoder` what a location encoder is. `harmonics` and `siren` are the
parts of SatCLIP's encoder. `range` is the RANGE field. It averages the rows of a database with `retrieval` (semantic)
and `geographic` (by distance). `entropy` says how many rows decided, and `strongest` which ones. `blend` has the
formula of the betas, and `recipe` makes the bands of a cube. `chebyshev` interpolates, `principal` finds principal
directions, and `precision` keeps matrix products in float32.
"""

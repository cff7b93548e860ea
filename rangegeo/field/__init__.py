"""The neural field: longitude and latitude in, vectors out.

This package owns the mathematics of the models and of interpolation, in torch. It imports only `errors` and `support`,
and reads no file but its own table `correction_l40.npz`.

`places` holds where a field is evaluated, `encoder` what a location encoder is. `harmonics` and `siren` are the parts
of SatCLIP's encoder. `range` is the RANGE field; it averages over a database with `retrieval` (semantic) and
`geographic` (by distance), and `entropy` and `strongest` tell how these averages decided. `recipe` blends the betas and
picks the bands. `chebyshev` interpolates, `principal` finds principal directions, `precision` keeps matrix products in
float32.
"""

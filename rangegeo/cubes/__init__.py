"""Cubes: what a raster is, its lazy values, and what is derived from them.

`spec` holds one raster as a frozen value, and everything else asks it. `raster` is the public function; `graph` turns a
spec into dask tasks, `virtual` into a cube without a graph, `outline` into coordinates and attributes alone.
`evaluated` keeps what tasks evaluated for the next use. `clip`, `overviews`, `proof`, `samples`, `projection` and
`cost` stand on the spec and the graph. `mosaic` joins cubes, and `overlaps` says whether they agree. `lazy` brings any
cube to dask, `axes` says what an indexer takes, and `betas` selects or blends one beta. Nothing here writes a file.
"""

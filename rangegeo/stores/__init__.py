"""Cubes on disk: writing them block by block, and opening them again lazily.

`formats` lists the output formats and chooses one by name or suffix. `zarr` and `geotiff` are the two writers, and
`zarr_options` and `geotiff_options` check their creation options. Both writers stand on `blocks`, which computes a cube
block by block, and on `quantise`, which stores values with fewer bits; `spool` keeps the overviews of a Zarr store
until they can be written in whole chunks. `conventions`, `qml` and `stac` describe a cube for other programs, and
`opening` reads what the writers wrote, and `joined` what GDAL made of it. Models, and how values are computed, are not
known here.
"""

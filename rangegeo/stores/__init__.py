"""Cubes on disk: writing them block by block, and opening them again lazily.

`formats` lists the output formats and chooses one by name or suffix. `zarr` and `geotiff` are the two writers, and
`zarr_options` and `geotiff_options` check their creation options. Both writers write to a draft: `drafts` makes it, or
continues one that an interrupted run left, `journal` notes the blocks that are written, and `arrays` stores them. Both
stand on `blocks`, which computes a cube block by block, and on `quantise`, which stores values with fewer bits; `spool`
keeps the overviews of a Zarr store until they can be written in whole chunks. `kept` is the journal of a finished Zarr
store and `geotiff_journal` that of a GeoTIFF; `checked_zarr` and `checked_geotiff` compare both with what is stored,
and `geotiff_again` makes a GeoTIFF again. `objects` reads and writes the objects of a store by their keys. `owned` says
which folders may be replaced, `tiles` writes folders of GeoTIFFs with a `vrt` over them, and `carried` takes blocks
over from a store that grows. `planet` writes planets. `conventions`, `qml`, `legend` (colours of maps), `beside` (what
lies beside a GeoTIFF) and `stac` describe a cube for other programs. `present` says whether there is a cube, `opening`
reads what the writers wrote, and `joined` what GDAL made of it. Models, and how values are computed, are not known
here.
"""

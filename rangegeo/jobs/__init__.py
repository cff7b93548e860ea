"""Whole jobs, as the shell and the accessor start them: check, compute, write, measure.

`options` holds what a job is asked for, in groups. `raster` and `points` prepare, describe and run the two jobs of the
shell. `write` takes any cube to files, for the raster job and for `cube.rangegeo.to_zarr` alike. `mosaic` joins cubes,
`extend` lets a store grow, and `planet` builds planets. `measured` puts what a run measured into words, and `scheduler`
says how much of the machine is used. Nothing here prints.
"""

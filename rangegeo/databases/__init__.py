"""RANGE databases of a user's own: places, what is seen or known there, and keys.

`rasters` reads windows of the ground, and values at places, from whatever GDAL opens; `windows` says where the pixels
of a window lie. `folders` reads folders of pictures with an index. `vision` has the encoders of pictures. `sampling`
chooses places. `sources` joins these to rows of numbers, `parts` keeps the rows of a run that may be interrupted,
`building` makes a database of them, and `telling` says what a database is. `training` trains a location encoder on one;
`networks` are its branches, and `ranks` say how well it came out.
"""

"""Places as users hand them over in Python, turned into longitudes and latitudes in degrees on WGS 84.

`lonlat` checks arrays, lists and tensors. `frames` reads pandas DataFrames and GeoDataFrames and writes embeddings back
into a frame with the same index. `columns` finds the columns that hold the coordinates. Files of places are read in
`tables`, and the pixels of a grid are turned into places in `grid`.
"""

"""Places as users hand them over in Python, turned into longitudes and latitudes in degrees on WGS 84.

`lonlat` reads arrays, lists, tensors and tables alike. `frames` reads tables of pandas, geopandas, polars, pyarrow,
dask and other libraries, checks the places of all of them, and writes embeddings into a frame. `columns` finds the
columns that hold the coordinates. Files of places are read in `tables`, and the pixels of a grid are turned into places
in `grid`.
"""

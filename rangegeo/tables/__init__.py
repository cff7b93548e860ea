"""Tables of places in, tables of embeddings out, in batches: CSV, GeoJSON, GeoPackage, Parquet, npz."""

from rangegeo.extras import need

need("pyarrow", "reading and writing tables", "vector")  # said here, where every module of this room begins

"""Tables of places in, tables of embeddings out, in batches: CSV, GeoJSON, GeoPackage, Parquet, npz."""

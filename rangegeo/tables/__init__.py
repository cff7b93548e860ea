"""Tables of places in, tables of embeddings out, in batches of bounded memory.

This package reads and writes the tables; it knows no model, and is given a function that evaluates places. `opening`
chooses the reader: `text` for CSV, whose delimiter, quotation marks and encoding are the matter of `dialect`, and which
`packed` finds in compressed files; `vector` for what GDAL reads, `parquet` for Parquet; each returns a `table.Table`.
`places` finds the places in its rows and `survey` reads it once for its faults. `formats` chooses the output format,
`columns` its columns, and `sinks` (Parquet, CSV), `geopackage` and `npz` write it. `embed` joins these steps.
"""

"""Names and paths of weights and databases in, checked tensors out.

This package finds, downloads, checks and converts files; the networks are in `encoders`, the loaded models in `models`.
`names` turns the names that users type into files, `published` lists the files that others published, `hub` downloads
them (no other module uses the network), `inventory` says which ones are on this machine, and `demo` is the embedded
model. `checkpoint` reads encoders (no other module reads pickles), `families` knows their layouts, and `database` reads
databases. `converted` stores checked tensors as safetensors files, and `cache` knows their paths. `pulling` does the
work of `rangegeo weights`, and `origins` names the data behind the files.
"""

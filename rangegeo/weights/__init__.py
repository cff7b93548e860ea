"""Names and paths of weights and databases in, checked tensors out.

This package finds, downloads, checks and converts files; the networks are in `encoders`, the loaded models in `models`.
`names` turns what a user may say into a file, `published` lists the files that others published, `hub` downloads them
(no other module uses the network), `inventory` tells which are on this machine, and `demo` is the embedded model.
`checkpoint` reads encoders (no other module reads pickles) with the layouts in `families`; `database` reads databases.
`converted` stores what was checked as safetensors, and `cache` says where. `pulling` does the work of
`rangegeo weights`, and `origins` knows the data behind the files.
"""

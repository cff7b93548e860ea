"""A page to look at a planet, a cube or a model: a local server of tiles, and the page itself.

`tile` says where the pixels of a tile of a web map lie. A `Source` gives values there: `sources` has what they share,
`models` and `cubes` are the two kinds, and `opening` chooses. `viewer` computes all that is shown, with colours of
`colouring`, classes of `labels` and `pictures` of tiles. `server` answers requests, and `serving` runs it; `services`
describes the tiles to other programs, `lines` has coastlines, and `download` makes files of what is in view. `export`
writes the page with a field that browsers evaluate themselves. `page/` holds the files of the page, which `assets`
reads.
"""

"""A page to look at a planet, a cube or a model: a local server of tiles, and the page itself.

`tile` says where the pixels of a tile of a web map lie. A `Source` gives values there: `sources` has what they share,
`models` and `cubes` are the two kinds, and `opening` chooses. `colours` fits colours and `tiles` draws them. `likeness`
compares places, and `labels` learns classes from clicks. `server` answers requests, `services` describes the tiles to
other programs, `lines` has coastlines, and `download` makes files of what is in view. `page/` holds the files of the page.
"""

"""From labels to maps: what is known of places is learned from their embeddings, scored, compared and mapped.

`labels` holds the labels and what is wrong with them, `reading` takes them out of tables, and `polygons` puts places
into polygons. `blocks` keeps places that lie close together on one side of a split. `features` evaluates a model at the
places, `probes` fits linear probes with scikit-learn, and `baselines` puts them and what else a user might take behind
one interface. `crossvalidation` predicts labels that were left out, `scores` compares these with the labels, `tested`
holds the scores of a map, `spread` says how uncertain it is, and `unlike` where it says little. `fitting` joins these
steps. `answers` says what the bands of a map are, `lazy` makes it a lazy cube, and `stored` keeps what was learned in a
file. `figures` draws how a map was tested, `report` says what is on the page about it, and `page` writes it as HTML or
Markdown. `maps` is what users call: `rangegeo.fit_map`.

`evaluate` is `rangegeo.evaluate`, which compares models: `embedded` evaluates each once for all its features,
`comparing` scores them on the same labels, `comparison` is the result, and `chart` its picture.
"""

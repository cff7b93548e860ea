"""Pictures of cubes for people: colours on the raster's own grid, with a graticule, coastlines, a scale and a title.

`figure` draws a cube as a matplotlib figure with one panel a beta, and `maps` a map that was learned from labels. `row`
puts panels side by side, `shown` chooses pixels and words, and `panel` fills one panel. `graticule`, `coastlines`
and `towns` find what lies on it, `placing` puts the labels where they hide nothing, and `key` says what the lines are.
`orientation` is what a user wants of borders and towns. `ground` knows the edges of the picture and the places on it.
`preview` turns stored cubes into files: PNG maps, and three-band GeoTIFFs. `notebook` paints and draws cubes of any
kind for the accessor. The colours themselves come from `colours`.
"""

from rangegeo.picture.figure import draw as draw

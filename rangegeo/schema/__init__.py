"""What a cube is made of: its name, dimensions, attributes, bands and betas, and the columns that stand for it.

`cube` holds the name and the layout of the array and reads its grid. `bands` selects bands by name, group or number.
`betas` checks betas. `columns` names the columns that embeddings get in a table. `alike` says whether cubes can be
joined, and `merged` what is known of them together. Models, files and pixels are not known here: `models` makes values,
`stores` writes them, and `grid` knows where pixels lie.
"""

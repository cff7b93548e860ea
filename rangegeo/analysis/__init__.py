"""What is computed from the pixels of finished cubes, as lazily as the cubes are.

`similarity` compares every pixel with the embedding of a place, `clusters` puts like pixels into groups, `sample`
reads the values of a cube at places, and `predict` maps what a fitted estimator says of every pixel. `pixels` holds
what the first two share: which bands are compared, and products of pixels with vectors. How cubes are made, stored and
drawn is not known here.
"""

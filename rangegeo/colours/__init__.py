"""Colours that stand for embeddings: three directions in the space of the bands become red, green and blue.

`fit` finds the colours of a sample and paints arrays with them. `paint` does the same for whole cubes, lazily and chunk
by chunk. Figures with labels and coastlines, and files of pictures, are in `pictures`.
"""

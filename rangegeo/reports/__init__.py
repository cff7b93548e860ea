"""Descriptions of cubes, models and files: plain facts, and a few lines for people.

`describe` finds out what a path or a name stands for and gives its facts, for `rangegeo info`. `summary` says what a
cube is in a shell or a notebook, without computing anything. Pictures of cubes are made in `pictures`.
"""

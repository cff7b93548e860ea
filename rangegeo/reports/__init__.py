"""What a cube, a model or a file is, in words."""

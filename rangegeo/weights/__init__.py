"""Names and paths of published files in, checked tensors out."""

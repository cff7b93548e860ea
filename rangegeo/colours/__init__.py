"""Colours for embeddings: fitted on a sample, painted chunk by chunk."""

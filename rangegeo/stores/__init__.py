"""DataArray to disk, block by block. Writers know no model."""

"""What a cube is called and made of: name, dims, bands, betas, columns."""

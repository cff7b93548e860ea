"""The spectral engine: Chebyshev interpolation of anything that gives components at places."""

"""What is computed from cubes: likeness, clusters, values at places."""

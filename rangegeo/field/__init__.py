"""The neural field: longitude and latitude in, vectors out. Pure torch; knows no files but its own tables."""

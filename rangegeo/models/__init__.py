"""Location models: their specs, how they are loaded, and what they answer."""

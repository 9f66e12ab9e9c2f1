"""Energy as a linear function of tokens and layers, per precision."""

"""The encoder: loaded once, cut, cast, quantised, with attention for each padding."""

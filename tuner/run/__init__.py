"""A run folder: what is in it, where else it is kept, and how it is gone on with."""

"""Attention for padded and packed batches."""

SHORT = 128  # tokens; packed sequences up to it have a kernel of their own (short.py)
REACH = 128  # tokens; a bias by relative position is the same at all distances from here on

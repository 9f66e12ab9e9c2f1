"""Attention for padded and packed batches."""

SHORT = 128  # tokens; packed sequences up to it have a kernel of their own (short.py)

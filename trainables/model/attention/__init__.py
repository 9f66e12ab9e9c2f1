"""Attention for padded and packed batches."""

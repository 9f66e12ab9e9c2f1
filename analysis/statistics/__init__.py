"""Intervals, tests and fits: arrays in, arrays out."""

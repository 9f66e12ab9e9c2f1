"""Experiments without bars: `python -m benchmarks.experiments.NAME`."""

"""Checks with bars: `python -m benchmarks.checks.NAME`."""

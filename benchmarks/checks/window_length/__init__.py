"""How long a window must be: `python -m benchmarks.checks.window_length`."""

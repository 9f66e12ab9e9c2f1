"""Optuna in place of the grid: `python -m tuner.search`."""

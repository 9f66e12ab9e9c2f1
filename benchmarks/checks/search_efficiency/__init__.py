"""How many trials the search needs for a grid's frontier: `python -m benchmarks.checks.search_efficiency`."""

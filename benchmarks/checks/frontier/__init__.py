"""How little energy the whole model needs on whole sentences: `python -m benchmarks.checks.frontier`."""

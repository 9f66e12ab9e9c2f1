"""Several tasks side by side: `python -m analysis.across`."""

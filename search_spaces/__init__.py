"""What to try: configurations, axes, objectives and presets. Standard library only."""

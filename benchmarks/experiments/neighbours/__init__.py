"""What busy neighbouring cards do to a measurement: `python -m benchmarks.experiments.neighbours`."""

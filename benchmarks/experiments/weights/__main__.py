from benchmarks.experiments.weights import WEIGHTS
from tuner.cli import run_command

run_command(WEIGHTS.main)

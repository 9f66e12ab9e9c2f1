from benchmarks.experiments.neighbours.serve import SERVE
from tuner.cli import run_command

run_command(SERVE.main)

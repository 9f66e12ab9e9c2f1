from benchmarks.experiments.neighbours import NEIGHBOURS
from tuner.cli import run_command

run_command(NEIGHBOURS.main)

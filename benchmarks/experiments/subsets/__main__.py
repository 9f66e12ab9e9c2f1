from benchmarks.experiments.subsets import SUBSETS
from tuner.cli import run_command

run_command(SUBSETS.main)

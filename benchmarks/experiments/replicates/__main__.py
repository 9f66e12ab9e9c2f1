from benchmarks.experiments.replicates import REPLICATES
from tuner.cli import run_command

run_command(REPLICATES.main)

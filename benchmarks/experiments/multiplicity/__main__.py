from benchmarks.experiments.multiplicity import MULTIPLICITY
from tuner.cli import run_command

run_command(MULTIPLICITY.main)

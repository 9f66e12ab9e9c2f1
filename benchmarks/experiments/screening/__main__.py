from benchmarks.experiments.screening import SCREENING
from tuner.cli import run_command

run_command(SCREENING.main)

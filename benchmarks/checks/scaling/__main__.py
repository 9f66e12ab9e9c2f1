from benchmarks.checks.scaling import SCALING
from tuner.cli import run_command

run_command(SCALING.main)

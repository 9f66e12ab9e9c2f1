from benchmarks.checks.repeatability import REPEATABILITY
from tuner.cli import run_command

run_command(REPEATABILITY.main)

from benchmarks.checks.coverage import COVERAGE
from tuner.cli import run_command

run_command(COVERAGE.main)

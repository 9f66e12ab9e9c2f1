from benchmarks.checks.frontier import FRONTIER
from tuner.cli import run_command

run_command(FRONTIER.main)

from benchmarks.checks.frontier.command import main
from tuner.cli import run_command

run_command(main)

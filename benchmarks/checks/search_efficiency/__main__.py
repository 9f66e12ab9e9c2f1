from benchmarks.checks.search_efficiency.command import main
from tuner.cli import run_command

run_command(main)

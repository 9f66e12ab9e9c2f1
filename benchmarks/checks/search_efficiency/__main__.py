from benchmarks.checks.search_efficiency import SEARCH_EFFICIENCY
from tuner.cli import run_command

run_command(SEARCH_EFFICIENCY.main)

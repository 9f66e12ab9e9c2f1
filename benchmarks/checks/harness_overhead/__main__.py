from benchmarks.checks.harness_overhead import HARNESS_OVERHEAD
from tuner.cli import run_command

run_command(HARNESS_OVERHEAD.main)

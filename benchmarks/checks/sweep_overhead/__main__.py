from benchmarks.checks.sweep_overhead import SWEEP_OVERHEAD
from tuner.cli import run_command

run_command(SWEEP_OVERHEAD.main)

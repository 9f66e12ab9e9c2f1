from benchmarks.checks.fused import FUSED
from tuner.cli import run_command

run_command(FUSED.main)

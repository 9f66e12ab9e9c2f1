from benchmarks.checks.analysis_scale.step import STEP
from tuner.cli import run_command

run_command(STEP.main)

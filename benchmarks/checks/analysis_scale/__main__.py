from benchmarks.checks.analysis_scale import ANALYSIS_SCALE
from tuner.cli import run_command

run_command(ANALYSIS_SCALE.main)

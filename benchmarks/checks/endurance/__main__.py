from benchmarks.checks.endurance import ENDURANCE
from tuner.cli import run_command

run_command(ENDURANCE.main)

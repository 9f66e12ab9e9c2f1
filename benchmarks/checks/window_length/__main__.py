from benchmarks.checks.window_length import WINDOW_LENGTH
from tuner.cli import run_command

run_command(WINDOW_LENGTH.main)

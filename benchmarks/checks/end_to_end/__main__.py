from benchmarks.checks.end_to_end import END_TO_END
from tuner.cli import run_command

run_command(END_TO_END.main)

from benchmarks.experiments.engines import ENGINES
from tuner.cli import run_command

run_command(ENGINES.main)

from benchmarks.experiments.headlines import HEADLINES
from tuner.cli import run_command

run_command(HEADLINES.main)

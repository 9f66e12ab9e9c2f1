from benchmarks.experiments.product_error import PRODUCT_ERROR
from tuner.cli import run_command

run_command(PRODUCT_ERROR.main)

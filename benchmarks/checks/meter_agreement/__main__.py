from benchmarks.checks.meter_agreement.check import METER_AGREEMENT
from tuner.cli import run_command

run_command(METER_AGREEMENT.main)

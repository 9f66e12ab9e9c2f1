from benchmarks.checks.meter_agreement import METER_AGREEMENT
from tuner.cli import run_command

run_command(METER_AGREEMENT.main)

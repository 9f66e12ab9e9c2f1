"""The energy counter against a second meter and integrated power: `python -m benchmarks.checks.meter_agreement`."""

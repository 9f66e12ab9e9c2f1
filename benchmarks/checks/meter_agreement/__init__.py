"""Does the energy counter, as we read it, agree with a second meter and with integrated power?

    python -m benchmarks.checks.meter_agreement --model DIR --data-dir DIR --zeus-path zeus-0.16.0-py3-none-any.whl

A GPU-bound load runs without a pause in a thread. Windows of it (10 s) are measured three or four times at once:

- ours: the sampler's trace, the counter interpolated between its ticks (`trainables/energy/trace.py`);
- power: the same trace's instantaneous power, integrated;
- process: a second process that reads the counter with its own code, poll and arithmetic (`second_process.py`). Both
  stamp readings with CLOCK_MONOTONIC, which all processes of a machine share (`time.perf_counter` on Linux);
- zeus (if it can be imported): ZeusMonitor.begin_window and end_window (zeus/monitor/energy.py of 0.16.0) each read
  `nvmlDeviceGetTotalEnergyConsumption` once and subtract. Such a reading is as old as the last tick, up to 100 ms at
  each end: up to 1 % of a 10 s window, the whole bar. So each end is put right after a tick, and what is left of
  its age (measured, some 10 ms) bounds the difference that is zeus's edges and not the meters'.

Bars: second meter within 1 % of ours, every window; counter and integrated power within 3 %.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    agreement_windows: int = 2
    """Windows."""
    agreement_window_s: float = 10.0
    """Seconds of a window."""
    zeus_path: str | None = None
    """Folder or wheel to import zeus from (added last to sys.path)."""
    second_meter_bar: float = 0.01
    """Largest relative difference between a second meter and ours."""
    power_bar: float = 0.03
    """Largest relative difference between integrated power and the counter."""


METER_AGREEMENT = CardBenchmark("benchmarks.checks.meter_agreement", __doc__, Arguments)

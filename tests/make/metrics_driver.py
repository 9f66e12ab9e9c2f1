"""A driver with fabricated rows, for test_metrics.py: python -m tests.make.metrics_driver PORT FOLDER.

Two cards and a search; when FOLDER/lose appears the first card writes a failed row; ends when FOLDER/end appears.
"""

import sys
import time
from pathlib import Path
from typing import Any

from tuner.cluster.metrics import SweepMetrics
from tuner.cluster.options import RayOptions
from tuner.cluster.session import ray_session

FIRST, SECOND = "node/GPU-00000001", "node/GPU-00000002"
ROWS: dict[str, dict[str, Any]] = {
    FIRST: {
        "gpu_uuid": "GPU-00000001-0000",
        "accuracy": 0.93,
        "energy_j_per_example": 0.125,
        "latency_ms_per_example": 0.5,
        "mean_power_w": 250.0,
        "temperature_end_c": 61.0,
        "flags": "power_capped;few_windows",
    },
    SECOND: {
        "gpu_uuid": "GPU-00000002-0000",
        "accuracy": 0.91,
        "energy_j_per_example": 0.0625,
        "latency_ms_per_example": 0.25,
        "mean_power_w": 240.0,
        "temperature_end_c": 55.0,
        "flags": "",
    },
}
COMMON = {"worker": "node:1", "status": "ok", "energy_source": "nvml_counter"}
LOST = {"gpu_uuid": "GPU-00000001-0000", "worker": "node:2", "status": "failed", "accuracy": float("nan")}


def main(port: int, folder: Path) -> None:
    with ray_session(RayOptions(metrics_port=port)):
        metrics = SweepMetrics()
        metrics.trials("measure", {"ok": 2, "failed": 0, "waiting": 5})
        for row in ROWS.values():
            metrics.row(COMMON | row, 1000.0)
        metrics.frontier(1.5, 3)
        lost = False
        while not (folder / "end").exists():
            if not lost and (folder / "lose").exists():
                lost = True
                metrics.row(LOST, 1002.0)
            metrics.refresh(time.monotonic())
            time.sleep(0.2)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

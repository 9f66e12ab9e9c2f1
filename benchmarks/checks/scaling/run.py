"""One run per number of cards, and what their rows and counters say."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import analysis
from benchmarks.checks.scaling import Arguments
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import table, write_json
from search_spaces.errors import UsageError, check
from trainables.energy.meter import SensorUnavailable
from trainables.energy.meters.nvml_library import handles, load_nvml, start_nvml, stop_nvml

EFFICIENCY = 0.9
POLL_S = 0.1
TAIL_S = 0.2  # from the last window's end to the trial's (EXPERIMENTS.md): the next tick, the row
# A row and the counter read from outside see the same load some 0.1 s apart, in windows of 5 s.
POWER_TOLERANCE = 0.05


class Counters:
    """Energy counters of all cards of the host (J) over UNIX time, read by a thread; nothing without NVML."""

    def __init__(self) -> None:
        self.readings: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Counters":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            nvml = load_nvml()
            start_nvml(nvml)
            cards = list(handles(nvml))
        except SensorUnavailable:
            return
        while not self._stop.wait(POLL_S):
            for uuid, handle in cards:
                energy_j = nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
                self.readings.append({"time_s": time.time(), "gpu_uuid": uuid, "energy_j": energy_j})
        stop_nvml(nvml)


def run_grid(folder: Path, gpus: int, options: Sequence[str]) -> None:
    """One run on the first `gpus` cards; its wall time and the counters are kept beside it, once it has ended."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    cards = shown.split(",") if shown else [str(i) for i in range(gpus)]
    command = [sys.executable, "-m", "tuner.grid", "--output-dir", str(folder), "--overwrite", "--no-confirm", *options]
    begin = time.perf_counter()
    with Counters() as counters:
        code = subprocess.run(command, env=os.environ | {"CUDA_VISIBLE_DEVICES": ",".join(cards[:gpus])}).returncode
    if code != 0:
        raise SystemExit(f"the sweep on {gpus} GPUs ended with {code}; see {folder}")
    about = {"gpus": gpus, "wall_s": time.perf_counter() - begin, "counters": counters.readings}
    _about(folder).write_text(json.dumps(about))


def _about(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


# ---- numbers ----------------------------------------------------------------------------------------------


def rates(rows: pd.DataFrame) -> dict[str, float]:
    """measuring_s (s), and trials per minute: in all of it, and `steady`, without each worker's first trial."""
    end = rows["started_at"] + rows["trial_s"]
    measuring_s = float(end.max() - rows["started_at"].min())
    steady = 0.0
    for _, own in rows.assign(end=end).sort_values("started_at").groupby("worker"):
        if len(own) > 1:
            steady += 60 * (len(own) - 1) / float(own["end"].iloc[-1] - own["end"].iloc[0])
    return {"measuring_s": measuring_s, "trials_per_min": 60 * len(rows) / measuring_s, "steady_trials_per_min": steady}


def overlaps(rows: pd.DataFrame, column: str) -> int:
    """Pairs of trials that followed each other on one device, of which the second began before the first had ended."""
    count = 0
    for _, own in rows.sort_values("started_at").groupby(column):
        trials = list(zip(own["started_at"], own["trial_s"], strict=True))
        count += sum(start + length > after for (start, length), (after, _) in pairwise(trials))
    return count


def power_seen(rows: pd.DataFrame, counters: pd.DataFrame) -> pd.DataFrame:
    """Per row: its mean power over what the counters read meanwhile, minus 1, on its own card and the nearest other
    card (NaN where there is none)."""
    cards = {str(uuid): own for uuid, own in counters.groupby("gpu_uuid")}
    found = []
    for row in rows.to_dict("records"):
        end = row["started_at"] + row["trial_s"] - TAIL_S
        off = {}
        for uuid, card in cards.items():
            first_j, last_j = np.interp([end - row["total_s"], end], card["time_s"], card["energy_j"])
            off[uuid] = row["mean_power_w"] * row["total_s"] / (last_j - first_j) - 1
        own = off.pop(row["gpu_uuid"], np.nan)
        found.append({"own": own, "other": min(off.values(), key=abs, default=np.nan)})
    return pd.DataFrame(found, index=rows.index)


def summary(folder: Path) -> dict[str, Any]:
    """The numbers of one run."""
    about = json.loads(_about(folder).read_text())
    rows = analysis.load(folder)
    ok = rows[rows["status"] == "ok"]
    factors = analysis.card_factors(analysis.load_anchors(folder))
    found = {
        "gpus": about["gpus"],
        "trials": len(ok),
        "failed": len(rows) - len(ok),
        "wall_s": about["wall_s"],
        **rates(ok),
        "trials_per_card": {str(k): int(v) for k, v in ok["gpu_uuid"].value_counts().items()},
        "anchor_factor": dict(zip(factors["gpu_uuid"], factors["energy_factor"], strict=True)),
        "overlaps": overlaps(ok, "ray_device") + overlaps(ok, "gpu_uuid"),
        "devices": int(ok["ray_device"].nunique()),
        "device_and_card": len(ok[["ray_device", "gpu_uuid"]].drop_duplicates()),
    }
    if about["counters"] and ok["gpu_uuid"].notna().all():
        seen = power_seen(ok, pd.DataFrame(about["counters"]))
        found["own_card"] = {
            "within_tolerance": float((seen["own"].abs() <= POWER_TOLERANCE).mean()),
            "median": float(seen["own"].median()),
            "worst": float(seen["own"].abs().max()),
        }
        found["another_card_within_tolerance"] = float((seen["other"].abs() <= POWER_TOLERANCE).mean())
    return found


def bars(found: Sequence[dict[str, Any]]) -> list[Bar]:
    """Of every run; the speed-up of those on several GPUs, over that on one."""
    one = next((f for f in found if f["gpus"] == 1), None)
    made = []
    for f in found:
        name = f"{f['gpus']} GPUs"
        if f["gpus"] > 1:
            ratio = f["trials_per_min"] / one["trials_per_min"] if one else None
            made.append(Bar(f"trials per minute, {name} over one", ratio, EFFICIENCY * f["gpus"], at_least=True))
        own = f.get("own_card", {}).get("within_tolerance")
        made += [
            Bar(f"trials at once on one GPU, {name}", float(f["overlaps"]), 0.0),
            Bar(f"devices that measured, {name}", float(f["devices"]), float(f["gpus"]), at_least=True),
            Bar(f"cards per device, {name}", f["device_and_card"] / f["devices"], 1.0),
            Bar(f"rows whose card's counter agrees, {name}", own, 1.0, at_least=True),
        ]
    return made


def run(arguments: Arguments) -> int:
    """Make the runs that are not there yet, then say what all of them show and judge the bars."""
    for gpus in arguments.gpus:
        check(gpus >= 1, "--gpus must be 1 or more each", gpus, "give for example --gpus 1 2")
    arguments.output.mkdir(parents=True, exist_ok=True)
    for gpus in arguments.gpus:
        folder = arguments.output / f"gpus-{gpus}"
        if not _about(folder).is_file():
            run_grid(folder, gpus, arguments.options)
    kept = sorted(arguments.output.glob("gpus-*.json"), key=lambda f: int(f.stem.partition("-")[2]))
    found = [summary(f.with_suffix("")) for f in kept]
    if not found:
        raise UsageError(f"{arguments.output} must hold runs of this benchmark; make them with --gpus 1 2")
    _print(found)
    checked = bars(found)
    write_json(arguments.output, "scaling", {"runs": found, "bars": records(checked)})
    return judge(checked)


def _print(found: Sequence[dict[str, Any]]) -> None:
    names = ("gpus", "trials", "failed", "wall_s", "measuring_s", "trials_per_min", "steady_trials_per_min")
    print(table(names, [[f[n] for n in names] for f in found]))
    for f in found:
        factors = ", ".join(f"{k[:12]} {v:.4f}" for k, v in f["anchor_factor"].items())
        print(f"{f['gpus']} GPUs: trials {sorted(f['trials_per_card'].values())}; anchor factor {factors}")
        if "own_card" in f:
            own = f["own_card"]
            print(
                f"  a row's power over its card's counter: median {own['median']:+.2%}, worst {own['worst']:.2%}; "
                f"another card's agrees for {f['another_card_within_tolerance']:.0%} of rows"
            )

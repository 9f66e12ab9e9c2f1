"""The metrics of a sweep: as Ray exports them, as a real Prometheus stores them, and as the Grafana dashboard asks."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.make.metrics_driver import FIRST, ROWS, SECOND
from tuner.cluster.metrics import METRICS, slot_of

ROOT = Path(__file__).resolve().parents[3]
BOARD = json.loads((ROOT / "deploy" / "grafana" / "jouletune.json").read_text())
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
NAMES = {metric.exported for metric in METRICS}
QUERIES = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
EVERY_SECOND = {"RAY_metrics_report_interval_ms": "1000"}
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="no prometheus: apt-get install prometheus"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Prometheus:
    """A Prometheus that scrapes one port every half second into a folder."""

    def __init__(self, target: int, folder: Path) -> None:
        self.port = free_port()
        config = yaml.safe_load(CONFIG.read_text())
        config["global"]["scrape_interval"] = "500ms"
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{target}"]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def get(self, path: str, **arguments: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, text: str) -> list[dict[str, Any]]:
        return self.get("query", query=text)["result"]

    def names(self) -> set[str]:
        found = self.get("label/__name__/values")
        return {name for name in found if name.startswith("ray_jouletune")}

    def by(self, text: str, *labels: str) -> dict[Any, float]:
        """{label value, or values: number} of the series now."""
        found = {}
        for series in self.query(text):
            key = tuple(series["metric"][label] for label in labels)
            found[key[0] if len(key) == 1 else key] = float(series["value"][1])
        return found

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (OSError, KeyError):
            pass  # not up yet
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def fabricated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """Prometheus on the driver of tests/make/metrics_driver.py, and the folder that steers it."""
    if shutil.which("prometheus") is None:
        pytest.skip("no prometheus: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("metrics")
    target = free_port()
    command = [sys.executable, "-m", "tests.make.metrics_driver", str(target), str(folder)]
    driver = subprocess.Popen(command, cwd=ROOT, env=os.environ | EVERY_SECOND, stdout=subprocess.DEVNULL)
    prometheus = Prometheus(target, folder)
    try:
        wait_for(lambda: prometheus.names() >= NAMES)
        yield prometheus, folder
    finally:
        (folder / "end").touch()
        prometheus.close()
        driver.wait(30)


@pytest.mark.ray
def test_prometheus_has_exactly_the_metrics_and_their_values(fabricated: tuple[Prometheus, Path]) -> None:
    prometheus, _ = fabricated
    assert prometheus.names() == NAMES
    for metric in METRICS:
        if metric.column:
            wanted = {slot: row[metric.column] for slot, row in ROWS.items()}
            assert prometheus.by(metric.exported, "slot") == wanted
    energy = prometheus.by("ray_jouletune_energy_j_per_example", "slot", "energy_source")
    assert energy == {(FIRST, "nvml_counter"): 0.125, (SECOND, "nvml_counter"): 0.0625}
    assert prometheus.by("ray_jouletune_trials", "phase", "state") == {
        ("measure", "ok"): 2,
        ("measure", "failed"): 0,
        ("measure", "waiting"): 5,
    }
    assert prometheus.by("ray_jouletune_rows_total", "slot", "status") == {(FIRST, "ok"): 1, (SECOND, "ok"): 1}
    flags = prometheus.by("ray_jouletune_flags_total", "slot", "flag")
    assert flags == {(FIRST, "power_capped"): 1, (FIRST, "few_windows"): 1}
    assert [float(s["value"][1]) for s in prometheus.query("ray_jouletune_hypervolume")] == [1.5]
    assert [float(s["value"][1]) for s in prometheus.query("ray_jouletune_frontier_size")] == [3]
    assert set(prometheus.by("ray_jouletune_last_row_unix_s", "slot").values()) == {1000.0}


@pytest.mark.ray
def test_every_query_of_the_dashboard_has_an_answer(fabricated: tuple[Prometheus, Path]) -> None:
    prometheus, _ = fabricated
    for text in QUERIES:
        wait_for(lambda text=text: prometheus.query(text), 20)


@pytest.mark.ray
def test_what_the_last_trial_did_not_measure_vanishes(fabricated: tuple[Prometheus, Path]) -> None:
    """Null is no number: neither the value before, nor 0, nor a NaN (which would stop every other metric)."""
    prometheus, folder = fabricated
    (folder / "lose").touch()
    wait_for(lambda: set(prometheus.by("ray_jouletune_accuracy", "slot")) == {SECOND}, 30)
    assert prometheus.by("ray_jouletune_rows_total", "slot", "status")[FIRST, "failed"] == 1
    assert prometheus.by("ray_jouletune_last_row_unix_s", "slot")[FIRST] == 1002.0
    assert set(prometheus.by("ray_jouletune_mean_power_w", "slot")) == {SECOND}


@needs_prometheus
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_search_is_seen_by_prometheus(tmp_path: Path) -> None:
    run, target = tmp_path / "run", free_port()
    space = ["--max-seq-len", "16", "32", "--depth", "1", "4", "--precision", "fp32", "--no-prune"]
    quick = ["--epochs", "1", "--train-examples", "64", "--eval-examples", "40"]
    times = ["--warmup-s", "0.1", "--min-window-s", "0.1", "--min-total-s", "1.2", "--max-measure-s", "1.2"]
    command = [sys.executable, "-m", "tuner.search", "--output-dir", str(run), *space, *quick, *times]
    prometheus = Prometheus(target, tmp_path)
    try:
        done = subprocess.run(
            [*command, "--metrics-port", str(target)],
            cwd=ROOT,
            env=os.environ | EVERY_SECOND,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"Prometheus metrics: http://127.0.0.1:{target}/metrics" in done.stdout
        seen = {
            name: [float(value) for series in prometheus.query(f"{name}[10m]") for _, value in series["values"]]
            for name in NAMES
        }
    finally:
        prometheus.close()
    assert {name for name, values in seen.items() if not values} == {"ray_jouletune_gpu_temperature_c"}  # no card
    rows = pd.read_csv(run / "results.csv")
    for metric in METRICS:
        if metric.column and seen[metric.exported]:
            measured = set(rows[metric.column].round(9))
            assert {round(value, 9) for value in seen[metric.exported]} <= measured
    # The last second before the driver ends may not have been exported.
    assert len(rows) - 1 <= max(seen["ray_jouletune_rows_total"]) <= len(rows) == 4
    printed = re.findall(r"hypervolume ([\d.]+)  frontier", done.stdout)  # before the reference point was fixed
    assert {f"{value:.4f}" for value in seen["ray_jouletune_hypervolume"]} <= set(printed)


def test_the_dashboard_asks_for_exactly_the_metrics_there_are() -> None:
    asked = {name for text in QUERIES for name in re.findall(r"ray_\w+", text)}
    assert asked == NAMES
    assert all(panel["description"] and panel["targets"] for panel in BOARD["panels"])
    places = [tuple(panel["gridPos"][k] for k in "xywh") for panel in BOARD["panels"]]
    for i, (x, y, w, h) in enumerate(places):
        assert x + w <= 24
        for a, b, c, d in places[:i]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y, "panels overlap"


def test_queries_group_by_tags_the_metric_has() -> None:
    tags = {metric.exported: set(metric.tags) for metric in METRICS}
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            (name,) = re.findall(r"ray_\w+", target["expr"])
            by = re.search(r"by \(([^)]*)\)", target["expr"])
            grouped = set(by.group(1).split(", ")) if by else set()
            assert grouped <= tags[name]
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) == grouped


@needs_prometheus
def test_the_example_configuration_is_valid() -> None:
    promtool = shutil.which("promtool") or pytest.skip("no promtool")
    done = subprocess.run([promtool, "check", "config", str(CONFIG)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("row", "slot"),
    [
        ({"worker": "gpu-box:4711", "gpu_uuid": "GPU-3f2a91c4-77aa-0000"}, "gpu-box/GPU-3f2a91c4"),
        ({"worker": "laptop:1", "gpu_uuid": None}, "laptop/cpu"),
        ({"worker": None, "gpu_uuid": None}, "unknown/cpu"),
    ],
)
def test_a_slot_is_a_card_of_a_host(row: dict[str, Any], slot: str) -> None:
    assert slot_of(row) == slot

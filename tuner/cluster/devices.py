"""What a Ray cluster offers, node by node, and what one trial gets of it."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search_spaces.errors import UsageError
from tuner.cluster.threads import check_threads
from tuner.run.environment import machine

MAX_CPUS_PER_GPU = 4


@dataclass(frozen=True)
class Node:
    node_id: str
    cpus: int
    gpus: int


@dataclass(frozen=True)
class Devices:
    """The nodes that are alive."""

    nodes: tuple[Node, ...]

    @property
    def measuring(self) -> tuple[Node, ...]:
        """The nodes that trials run on: those with GPUs; without any, those with the most cores, all alike."""
        with_gpus = tuple(n for n in self.nodes if n.gpus)
        most = max((n.cpus for n in self.nodes), default=1)
        return with_gpus or tuple(n for n in self.nodes if n.cpus == most)

    def resources(self, cpu_threads: int | None) -> dict[str, int]:
        """What every trial asks for: cpu, gpu, and its threads. The same on every node, or rows would differ by it.
        UsageError for more threads than the cores that a trial can have.

        A GPU and a few cores, so many that each of a node's GPUs gets them. Without GPUs all cores of a node, since two
        trials would disturb each other.
        """
        if self.measuring[0].gpus:
            share = min(max(1, n.cpus // n.gpus) for n in self.measuring)
            check_threads(cpu_threads, share, "each GPU")
            cpus = cpu_threads or min(MAX_CPUS_PER_GPU, share)
            return {"cpu": cpus, "gpu": 1, "threads": cpus}
        cpus = max(1, self.measuring[0].cpus)
        check_threads(cpu_threads, cpus, "a node")
        return {"cpu": cpus, "gpu": 0, "threads": cpu_threads or cpus}

    @property
    def concurrent(self) -> int:
        """One measuring trial per GPU, or one per node without GPUs."""
        return sum(n.gpus or 1 for n in self.measuring)


def devices_of_this_cluster(gpus: int = 0, patience_s: float = 1800.0) -> Devices:
    """The nodes of the Ray that is connected to, once they have so many GPUs. UsageError where nothing can run."""
    end = time.monotonic() + patience_s
    while True:
        found = Devices(
            tuple(
                Node(n["NodeID"], int(n["Resources"].get("CPU", 0)), int(n["Resources"].get("GPU", 0)))
                for n in ray.nodes()
                if n["Alive"]
            )
        )
        there = sum(n.gpus for n in found.nodes)
        if there >= gpus:
            break
        if time.monotonic() > end:
            raise UsageError(
                f"the cluster must have {gpus} GPUs, but it has {there} after {patience_s / 60:.0f} minutes; "
                "start more nodes, or give a smaller --wait-for-gpus"
            )
        print(f"waiting for GPUs: {there} of {gpus}", flush=True)
        time.sleep(min(10.0, patience_s))
    if not any(n.cpus for n in found.measuring):
        raise UsageError(
            "a trial needs a CPU core on a node that measures, but the cluster has none; start worker nodes, or wait "
            "for them with --wait-for-gpus"
        )
    return found


def describe_machines(devices: Devices) -> list[dict[str, Any]]:
    """`tuner.run.environment.machine` of every node that measures."""
    if len(devices.nodes) == 1:
        return [machine()]
    return _on_each(devices.measuring, machine)


def check_shared(folder: Path, devices: Devices) -> None:
    """UsageError where not every node sees a folder of this machine: checkpoints could not be kept there."""
    if len(devices.nodes) == 1:
        return
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe-{uuid.uuid4().hex}"
    probe.touch()
    try:
        seen = _on_each(devices.measuring, _is_there, probe)
    finally:
        probe.unlink()
    if not all(seen):
        raise UsageError(
            f"every node must reach the fine-tuning checkpoints, but {seen.count(False)} of {len(seen)} nodes do not "
            f"see {folder}; give --storage-path (a shared folder, s3://, gs://), or a fine-tuned model as --checkpoint"
        )


def _is_there(path: Path) -> bool:
    return path.exists()


def _on_each(nodes: tuple[Node, ...], function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """The function's result on every node."""
    task = ray.remote(num_cpus=0)(function)
    there = [NodeAffinitySchedulingStrategy(node.node_id, soft=False) for node in nodes]
    return list(ray.get([task.options(scheduling_strategy=strategy).remote(*arguments) for strategy in there]))

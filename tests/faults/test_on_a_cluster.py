"""Several nodes on one machine, with GPUs that only Ray believes in: one trial per GPU; a node dies; a head is lost.

What a trial was given is taken from its row (`ray_device`: the node and the GPU that Ray assigned) and from the process
itself (the marks of `inject/sitecustomize.py`). PyTorch sees no GPU here, so energy is an estimate.
"""

import json
import re
import shutil
from collections import defaultdict
from itertools import pairwise

import pytest

import analysis
from tests.faults.harness import (
    DEMO,
    TIMES,
    environment,
    fault,
    finish,
    rows,
    run,
    stamps,
    start,
    wait_for,
    without_tuning,
)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def cluster(monkeypatch):
    """Start a cluster of nodes (cpus, gpus) beside a head that measures nothing, in which faults happen."""
    from ray.cluster_utils import Cluster

    made = []

    def make(*nodes, faults=()):
        for name, value in environment(*faults).items():
            monkeypatch.setenv(name, value)  # the nodes' processes are started from here
        head = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False}
        one = Cluster(initialize_head=True, head_node_args=head)
        made.append(one)
        added = [one.add_node(num_cpus=cpus, num_gpus=gpus) for cpus, gpus in nodes]
        one.wait_for_nodes()
        return one, {node.node_id: node for node in added}

    yield make
    for one in made:
        one.shutdown()


def given(marks):
    """What each process that reached a fault said of itself."""
    return [json.loads(f.read_text()) for f in sorted(marks.iterdir())]


def test_one_trial_per_gpu_the_same_cores_for_each_and_every_row(tmp_path, cluster):
    note = fault("measure", "note", tmp_path / "marks", times=100)
    tuned = fault("finetune", "note", tmp_path / "tuned", times=100, trial="epoch 0")
    # Two processes could be through with all trials before the third has started, which takes it ten seconds here.
    slow = fault("measure", "sleep:3", tmp_path / "slow", times=100)
    made, nodes = cluster((2, 1), (4, 2), faults=(note, tuned, slow))
    folder = tmp_path / "run"
    code, _, err = run(
        "--address", made.address, "--output-dir", str(folder), *TIMES, "--max-seq-len", "16", "24",
        "--depth", "1", "2", "--precision", "fp32", "--seeds", "1", "2", "--replicates", "2",
        "--epochs", "1", "--train-examples", "64",
        faults=(note, tuned, slow),
    )  # fmt: skip
    assert code == 0, err
    found = rows(folder)
    assert len(found) == 16
    assert {r["status"] for r in found.values()} == {"ok"}
    assert len(analysis.load(folder)) == 16

    by_device = defaultdict(list)
    for row in found.values():
        assert re.fullmatch(r"[0-9a-f]{8}/\d+", row["ray_device"]), "a node and exactly one GPU"
        by_device[row["ray_device"]].append(row)
    assert len(by_device) == 3, "every GPU measured"
    assert {d.partition("/")[0] for d in by_device} == {node_id[:8] for node_id in nodes}
    for device, measured in by_device.items():
        measured.sort(key=lambda r: r["started_at"])
        for one, next_one in pairwise(measured):
            assert one["started_at"] + one["trial_s"] <= next_one["started_at"], f"two trials at once on {device}"
        assert len({r["worker"] for r in measured}) == 1, "one process per GPU"

    for process in given(tmp_path / "marks"):
        assert re.fullmatch(r"\d", process["CUDA_VISIBLE_DEVICES"]), "exactly one"
        assert process["threads"] == 2, "2 of 2 cores, and 4 cores for 2 GPUs"
        assert process["OMP_NUM_THREADS"] == "2"
    fine_tuned = given(tmp_path / "tuned")
    assert len({(p["node"], p["CUDA_VISIBLE_DEVICES"]) for p in fine_tuned}) == 2, "two fine-tunings, two GPUs"


def test_a_node_dies_and_its_trials_run_elsewhere(tmp_path, cluster, model):
    slow = fault("measure", "sleep:300", tmp_path / "marks", skip=2)
    made, nodes = cluster((2, 1), (2, 1), faults=(slow,))
    folder = tmp_path / "run"
    process = start("--address", made.address, "--output-dir", str(folder), *without_tuning(model), faults=(slow,))
    wait_for(lambda: len(list((tmp_path / "marks").iterdir())) >= 3, process)
    struck = json.loads((tmp_path / "marks" / "0-2").read_text())["node"]
    made.remove_node(nodes[struck], allow_graceful=False)
    code, _, err = finish(process)
    assert code == 0, err
    found = rows(folder)
    assert len(found) == 6
    assert {r["status"] for r in found.values()} == {"ok"}
    (again,) = [r for r in found.values() if "tried_again_after" in r]
    assert again["tried_again_after"] in ("the node of the trial died", "the node of the trial was lost")
    assert again["ray_device"].partition("/")[0] != struck[:8]


def test_a_run_whose_folder_is_lost_goes_on_from_its_storage(tmp_path, cluster):
    """The head is replaced in the middle of the fine-tuning: another driver, another folder of the same name."""
    slow = fault("finetune", "sleep:300", tmp_path / "marks", trial="epoch 1")
    made, _ = cluster((2, 1), faults=(slow,))
    folder, shared = tmp_path / "run", tmp_path / "shared"
    arguments = ("--address", made.address, "--storage-path", shared.as_uri())
    process = start(*arguments, "--output-dir", str(folder), *DEMO, faults=(slow,))
    wait_for(lambda: list((tmp_path / "marks").iterdir()), process, 240)  # two nodes of Ray start first
    process.kill()
    process.communicate()
    shutil.rmtree(folder)
    code, out, err = run(*arguments, "--resume", str(folder), faults=(slow,))
    assert code == 0, err
    assert "epoch 1 " not in out, "gone on from the checkpoint in the storage"
    assert "epoch 2 " in out
    assert len(rows(folder)) == 6
    assert (folder / "report.html").is_file()
    assert {f.parent.name for f in shared.glob("run/ray/measure-0/*/row.json")} == set(stamps(folder))
    assert not list(shared.glob("run/ray/finetune-*/*/checkpoint_*"))
    assert list(shared.glob("run/checkpoints/*/model.safetensors"))

"""The annotated cluster files: read, checked against Ray's schema where there is one, and their sweeps parsed."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from tuner.cluster.devices import Devices, Node
from tuner.grid import parse

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
CLUSTER, JOB = DEPLOY / "ray-cluster.yaml", DEPLOY / "kuberay-rayjob.yaml"


def sweep_of(command):
    """What `python -m tuner.grid ...` within a text asks for."""
    words = shlex.split(command)
    return parse(words[words.index("tuner.grid") + 1 :])


@pytest.fixture(scope="module")
def cluster():
    return yaml.safe_load(CLUSTER.read_text())


@pytest.fixture(scope="module")
def job():
    found = list(yaml.safe_load_all(JOB.read_text()))
    assert [part["kind"] for part in found] == ["RayJob", "NetworkPolicy"]
    return found[0]["spec"]


@pytest.mark.parametrize("file", [CLUSTER, JOB])
def test_they_say_that_they_were_not_run(file):
    assert "NOT RUN ON A C" in file.read_text()


def test_the_cluster_file_keeps_rays_schema(cluster):
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)


def test_the_cluster_measures_on_its_workers_with_one_gpu_each(cluster):
    head, worker = cluster["available_node_types"]["head"], cluster["available_node_types"]["measuring"]
    assert cluster["head_node_type"] == "head"
    assert head["resources"] == {"CPU": 0}
    assert worker["min_workers"] == cluster["max_workers"], "trials are spread over what is there at the start"
    node = Node("w", worker["resources"]["CPU"], worker["resources"]["GPU"])
    devices = Devices((Node("h", 0, 0), *[node] * worker["min_workers"]))
    assert devices.resources(None) == {"cpu": 4, "gpu": 1, "threads": 4}
    assert devices.concurrent == 4


def test_the_cluster_listens_on_the_head_alone_and_asks_for_a_token(cluster):
    (head,) = [c for c in cluster["head_start_ray_commands"] if "ray start" in c]
    (worker,) = [c for c in cluster["worker_start_ray_commands"] if "ray start" in c]
    assert "--dashboard-host=127.0.0.1" in head
    assert all("RAY_AUTH_MODE=token" in c for c in (head, worker))
    assert "~/.ray/auth_token" in cluster["file_mounts"]


def test_the_sweeps_of_both_files_parse(job):
    (command,) = re.findall(r"python -m tuner\.grid --preset.*", CLUSTER.read_text())
    for parsed in (sweep_of(command), sweep_of(job["entrypoint"])):
        assert parsed.preset == "sst2"
        assert parsed.ray.storage_path == "s3://BUCKET/jouletune"
        assert parsed.ray.wait_for_gpus == 4
    assert parsed.run.go_on
    assert parsed.run.resume_anyway


def test_the_job_has_one_gpu_per_worker_and_none_on_the_head(job):
    spec = job["rayClusterSpec"]
    assert spec["authOptions"]["mode"] == "token"
    head = spec["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    (group,) = spec["workerGroupSpecs"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"] == 4
    (worker,) = group["template"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert worker["resources"]["limits"] == worker["resources"]["requests"]
    (ray_head,) = head["template"]["spec"]["containers"]
    assert "nvidia.com/gpu" not in ray_head["resources"]["limits"]
    assert worker["image"] == ray_head["image"], "nodes of different versions refuse each other"


def test_the_files_name_the_version_of_ray_that_is_tested(cluster, job):
    pinned = re.search(r"^ray==(\S+)", (DEPLOY.parent / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert job["rayClusterSpec"]["rayVersion"] == pinned
    assert any(f"ray[tune,default]=={pinned}" in command for command in cluster["setup_commands"])

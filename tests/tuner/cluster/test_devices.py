"""What a trial gets on clusters of every shape, and what nodes must share. No Ray is started."""

import pytest

from search_spaces.errors import UsageError
from tuner.cluster import devices as cluster
from tuner.cluster.devices import Devices, Node, check_shared
from tuner.cluster.session import worker_environment


def devices(*nodes):
    """(cpus, gpus) of each node."""
    return Devices(tuple(Node(str(i), *node) for i, node in enumerate(nodes)))


@pytest.mark.parametrize(
    ("nodes", "threads", "resources", "concurrent"),
    [
        ([(2, 0)], None, (2, 0, 2), 1),
        ([(8, 0)], 2, (8, 0, 2), 1),  # two trials must not share a host, however few threads each has
        ([(16, 1)], None, (4, 1, 4), 1),
        ([(8, 4)], None, (2, 1, 2), 4),
        ([(4, 8)], None, (1, 1, 1), 8),
        ([(64, 0), (16, 2), (16, 2)], None, (4, 1, 4), 4),  # a head without GPUs measures nothing
        ([(32, 1), (4, 4)], None, (1, 1, 1), 5),  # the same everywhere, so as many as the poorest node gives
        ([(4, 0), (8, 0), (8, 0)], None, (8, 0, 8), 2),
        ([(16, 2)], 3, (3, 1, 3), 2),
        ([(16, 2)], 8, (8, 1, 8), 2),
    ],
)
def test_one_trial_per_gpu_or_host_and_the_same_cores_for_each(nodes, threads, resources, concurrent):
    made = devices(*nodes)
    assert tuple(made.resources(threads)[k] for k in ("cpu", "gpu", "threads")) == resources
    assert made.concurrent == concurrent


@pytest.mark.parametrize(
    ("nodes", "threads", "message"),
    [
        ([(2, 0)], 999, "at most 2, the cores of a node, but got 999"),
        ([(16, 2)], 9, "at most 8, the cores of each GPU, but got 9"),
        ([(32, 1), (4, 4)], 2, "at most 1, the cores of each GPU, but got 2"),
    ],
)
def test_more_threads_than_cores_are_refused_by_number(nodes, threads, message):
    with pytest.raises(UsageError, match=message):
        devices(*nodes).resources(threads)


def test_one_node_shares_everything_with_itself(tmp_path):
    check_shared(tmp_path / "new", devices((2, 0)))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("seen", "shared"), [([True, True], True), ([True, False], False)])
def test_nodes_that_do_not_see_the_folder_are_counted(tmp_path, monkeypatch, seen, shared):
    monkeypatch.setattr(cluster, "_on_each", lambda *_: seen)
    if shared:
        check_shared(tmp_path / "ray", devices((2, 1), (2, 1)))
    else:
        with pytest.raises(UsageError, match=r"1 of 2 nodes do not see .*--storage-path"):
            check_shared(tmp_path / "ray", devices((2, 1), (2, 1)))
    assert list((tmp_path / "ray").iterdir()) == []


def test_a_joined_cluster_is_sent_the_packages():
    assert "py_modules" not in worker_environment(joined=False)
    sent = worker_environment(joined=True)["py_modules"]
    assert {p.rpartition("/")[2] for p in sent} == {"analysis", "search_spaces", "trainables", "tuner"}

"""Which of Ray's processes a run leaves out. No Ray is started."""

from types import SimpleNamespace

import pytest
from ray._private.node import Node

from tuner.cluster.essentials import essentials_only

NAMES = ("start_log_monitor", "start_api_server", "start_monitor", "start_raylet")


@pytest.mark.parametrize("dashboard", [False, True])
def test_only_what_a_dashboard_shows_is_started_for_one(dashboard: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    for name in NAMES:
        monkeypatch.setattr(Node, name, lambda node, name=name: started.append(name))
    node = SimpleNamespace(_ray_params=SimpleNamespace(dashboard_agent_listen_port=52365))
    with essentials_only(dashboard):
        for name in NAMES:
            getattr(Node, name)(node)
    assert started == (["start_api_server", "start_monitor", "start_raylet"] if dashboard else ["start_raylet"])
    assert node._ray_params.dashboard_agent_listen_port == 0
    started.clear()
    for name in NAMES:
        getattr(Node, name)(node)
    assert started == list(NAMES)

"""What of a machine, its software and its data must be as it was, and what is only told of."""

import pytest

from tuner.run.conditions import changed_conditions, remarks

HERE = {
    "gpus": [],
    "cpu": "Ryzen",
    "cores": [8],
    "threads": 8,
    "python": "3.12.4",
    "packages": {"torch": "2.13.0", "triton": None, "ray": "2.60.0"},
    "git_commit": "abc",
    "platform": "Linux-6.8",
    "classes": ["ham", "spam"],
    "training_data": {"are cut": 3},
    "digests": {},
}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"packages": HERE["packages"] | {"torch": "2.13.1"}}, "torch was 2.13.0 and is 2.13.1"),
        ({"packages": HERE["packages"] | {"torch": "2.13.0+cpu"}}, "torch was 2.13.0 and is 2.13.0+cpu"),
        ({"packages": HERE["packages"] | {"triton": "3.7.1"}}, "triton was not there and is 3.7.1"),
        ({"packages": {"torch": "2.13.0"}}, "ray was 2.60.0 and is not there"),
        ({"python": "3.13.0"}, "Python was 3.12.4 and is 3.13.0"),
        ({"cores": [4]}, "the cores that may be used were 8 and are 4"),
        ({"cores": [4, 8]}, "the cores that may be used were 8 and are 4 8"),
        ({"threads": 2}, "the threads of a trial were 8 and are 2"),
        ({"classes": ["spam", "ham"]}, "the classes were ham spam and are spam ham"),
        ({"training_data": {"are cut": 4}}, "training data: 3 examples are cut before, 4 examples are cut now"),
    ],
)
def test_each_is_named_with_both_values(now, said):
    assert changed_conditions(HERE, HERE | now) == [said]


def test_what_an_older_version_did_not_record_is_not_compared():
    older = {name: HERE[name] for name in ("gpus", "cpu", "digests")} | {"packages": {"torch": "2.13.0"}}
    assert changed_conditions(older, HERE) == []
    assert changed_conditions(HERE, HERE | {"packages": HERE["packages"] | {"moocore": "1"}}) == []


def test_fewer_of_several_machines_are_no_others():
    assert changed_conditions(HERE | {"cores": [4, 8]}, HERE) == []


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ({"source": "nvml_power"}, "source of GPU-1 was nvml_counter and is nvml_power"),
        ({"power_reading": "usage"}, "power_reading of GPU-1 was instant and is usage"),
        ({"driver": "590"}, "driver of GPU-1 was 580 and is 590"),
        ({"tick_s": 0.2}, None),  # measured anew each time
    ],
)
def test_how_a_card_is_read_must_stay(fact, said):
    card = {"uuid": "GPU-1", "driver": "580", "source": "nvml_counter", "power_reading": "instant", "tick_s": 0.1}
    found = changed_conditions({"gpus": [card]}, {"gpus": [card | fact]})
    assert found == ([said] if said else [])


def test_a_commit_is_told_of_against_the_latest_start():
    later = HERE | {"resumed": [{"git_commit": "def", "platform": "Linux-6.8"}]}
    assert remarks(HERE, HERE) == []
    assert remarks(later, HERE | {"git_commit": "def"}) == []
    (told,) = remarks(later, HERE)
    assert told == "this code was def and is abc; environment.json keeps which start had which"
    assert changed_conditions(HERE, HERE | {"git_commit": "def", "platform": "Linux-7.0"}) == []
    assert len(remarks(HERE, HERE | {"git_commit": "def", "platform": "Linux-7.0"})) == 2


def test_what_is_known_only_once_ray_runs_is_not_missed_before():
    early = {name: value for name, value in HERE.items() if name not in ("threads", "classes", "training_data")}
    assert changed_conditions(HERE, early) == []

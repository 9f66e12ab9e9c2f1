"""The quantities a sweep trades against each other; shared by the row, the search and the Pareto sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from search_spaces.errors import check
from search_spaces.registry import Registry


@dataclass(frozen=True)
class Objective:
    """A column of the table with the direction in which it is better, and how it is told."""

    name: str
    meaning: str  # of its column
    unit: str
    direction: Literal["max", "min"]
    word: str  # in a sentence: "exact match"
    log_scale: bool = False  # spans orders of magnitude: searched and scored on a log scale
    score: bool = False  # how well the model answers: null where the weights are random
    of_examples: bool = False  # a share of examples, so that it has a binomial interval

    @property
    def sign(self) -> int:
        """+1 where smaller is better, -1 where larger is: `sign * value` is always minimised."""
        return 1 if self.direction == "min" else -1


OBJECTIVES: Registry[Objective] = Registry(
    "an objective",
    (
        Objective(
            "accuracy",
            "of one complete pass of exactly this configuration",
            "fraction",
            "max",
            "accuracy",
            score=True,
            of_examples=True,
        ),
        Objective(
            "exact_match", "where the task has it", "fraction", "max", "exact match", score=True, of_examples=True
        ),
        Objective("f1", "where the task has it", "fraction", "max", "F1", score=True),
        Objective(
            "energy_j_per_example",
            "gross energy of the windows over their examples",
            "J/example",
            "min",
            "energy",
            log_scale=True,
        ),
        Objective(
            "energy_j_per_correct",
            "energy per example over accuracy",
            "J/correct",
            "min",
            "energy per correct answer",
            log_scale=True,
        ),
        Objective(
            "net_energy_j_per_example", "idle power subtracted", "J/example", "min", "net energy", log_scale=True
        ),
        Objective(
            "latency_ms_per_example",
            "wall time of the same windows over their examples",
            "ms/example",
            "min",
            "latency",
            log_scale=True,
        ),
        Objective("peak_gpu_memory_mib", "peak allocated by this configuration alone", "MiB", "min", "memory"),
    ),
)
DEFAULT_OBJECTIVES = ("accuracy", "energy_j_per_example")
TOLERANCE = 0.01  # loss of a score that counts as none: one point


def score_names() -> tuple[str, ...]:
    """The objectives that say how well the model answers. What a task is judged by is the first that it has."""
    return tuple(name for name, objective in OBJECTIVES.items() if objective.score)


def check_metrics(task: str, metrics: Iterable[str]) -> None:
    """UsageError where a task has a metric that is no score: its rows would have no column for it."""
    for name in metrics:
        check(
            name in score_names(),
            f"every metric of the task {task} must be one of {', '.join(score_names())}",
            name,
            "enter it as a score in search_spaces/objectives.py",
        )

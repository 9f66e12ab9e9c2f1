"""What is predicted: one task per name, all behind the protocol in `base.py`."""

from search_spaces.objectives import check_metrics
from search_spaces.registry import Registry
from trainables.tasks.base import Task
from trainables.tasks.demo import DEMO
from trainables.tasks.glue import QQP, SST2
from trainables.tasks.squad import SQUAD
from trainables.tasks.tsv import TSV

TASKS: Registry[Task] = Registry("a task", (DEMO, SST2, QQP, SQUAD, TSV), remedy="see docs/tasks.md")


def get_task(name: str) -> Task:
    """The task of that name. Raises UsageError for an unknown one, and where a metric of it is no known score."""
    task = TASKS[name]
    check_metrics(name, task.metrics)
    return task

"""What is predicted: one task per name, all behind the protocol in `base.py`."""

from search_spaces.errors import UsageError
from search_spaces.objectives import check_metrics
from trainables.tasks.base import Task
from trainables.tasks.demo import DEMO
from trainables.tasks.glue import QQP, SST2
from trainables.tasks.squad import SQUAD
from trainables.tasks.tsv import TSV

TASKS: dict[str, Task] = {task.name: task for task in (DEMO, SST2, QQP, SQUAD, TSV)}


def get_task(name: str) -> Task:
    """The task of that name. Raises UsageError for an unknown one, and where a metric of it is no known score."""
    if name not in TASKS:
        raise UsageError(f"task must be one of {', '.join(TASKS)}, but got {name!r}; see docs/tasks.md")
    check_metrics(name, TASKS[name].metrics)
    return TASKS[name]

"""What is predicted: one task per name, all behind the protocol in `base.py`."""

from search_spaces.errors import UsageError
from trainables.tasks.base import Task
from trainables.tasks.demo import DEMO
from trainables.tasks.glue import QQP, SST2
from trainables.tasks.squad import SQUAD
from trainables.tasks.tsv import TSV

TASKS: dict[str, Task] = {task.name: task for task in (DEMO, SST2, QQP, SQUAD, TSV)}


def get_task(name: str) -> Task:
    """The task of that name. Raises UsageError for an unknown one."""
    try:
        return TASKS[name]
    except KeyError:
        raise UsageError(f"task must be one of {', '.join(TASKS)}, but got {name!r}; see docs/tasks.md") from None

"""What is wrong with the request for a search, as far as can be told before anything is run."""

from search_spaces.errors import UsageError, check
from search_spaces.objectives import score_names
from search_spaces.search_config import SearchConfig
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import SweepConfig
from trainables.tasks import get_task


def check_goal(config: SweepConfig, search: SearchConfig, space: SearchSpace) -> None:
    """What cannot be measured here can be neither an objective nor a limit."""
    columns = {*search.goal.objectives, *(limit.column for limit in search.goal.limits)}
    get_task(config.task)  # an unknown one is a UsageError
    if space.device == "cpu" and "peak_gpu_memory_mib" in columns:
        raise UsageError(
            "GPU memory can be an objective or a limit only where there is a GPU, but PyTorch sees none; "
            "leave peak_gpu_memory_mib and --max-memory-mib out"
        )
    scored = columns & {*score_names(), "energy_j_per_correct"}
    if config.random_weights and scored:
        raise UsageError(
            f"random weights have no accuracy, but {', '.join(sorted(scored))} was asked for; "
            "choose objectives such as energy_j_per_example and peak_gpu_memory_mib, or leave --random-weights out"
        )


def check_trials(search: SearchConfig, starts: int) -> None:
    """A search begins with its start points, of which so many are not measured yet."""
    check(
        search.trials is None or search.trials >= starts,
        f"trials must be at least the {starts} start points (the baseline and one-at-a-time extremes) of this space",
        search.trials,
        f"give {starts} or more, or fewer axes",
    )

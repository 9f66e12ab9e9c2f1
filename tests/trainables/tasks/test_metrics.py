"""A task's metrics are scores, or no trial starts."""

from types import SimpleNamespace

import pytest

from search_spaces.errors import UsageError
from search_spaces.objectives import score_names
from trainables.tasks import TASKS, get_task


@pytest.mark.parametrize("name", list(TASKS))
def test_the_metrics_of_every_task_are_scores(name):
    assert set(get_task(name).metrics) <= set(score_names())


@pytest.mark.parametrize("metric", ["bleu", "peak_gpu_memory_mib"])
def test_a_metric_that_is_no_score_is_an_error_that_lists_the_scores(metric, monkeypatch):
    monkeypatch.setitem(TASKS, "reviews", SimpleNamespace(name="reviews", metrics=("accuracy", metric)))
    known = r"every metric of the task reviews must be one of accuracy, exact_match, f1, but got "
    with pytest.raises(UsageError, match=f"{known}'{metric}'; enter it as a score in"):
        get_task("reviews")

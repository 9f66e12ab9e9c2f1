"""The order of trials: shuffled over every axis, compiled programs together, replicates apart."""

from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest

from search_spaces.errors import UsageError
from search_spaces.grid import grid, left_out, shuffled
from search_spaces.models import Limits
from search_spaces.sweep_config import Axes, SweepConfig


def trials(backends, order_seed=0, replicates=3, seeds=(1, 2)):
    axes = Axes(
        max_seq_len=(16, 32, 64, 128),
        depth=(2, 4),
        precision=("fp32", "fp16", "fp8"),
        padding=("max_length", "packed"),
        backend=backends,
    )
    config = SweepConfig(axes=axes, replicates=replicates, seeds=seeds, order_seed=order_seed)
    return grid(config, [Limits(12, 512)])


def program(trial):
    return (trial.max_seq_len, trial.depth, trial.precision, trial.padding)


def test_every_trial_once_and_the_seed_decides():
    made = trials(("eager", "compile", "compile_cuda_graph"))
    assert len(made) == len({t.trial_id for t in made}) == 4 * 2 * 3 * 2 * 3 * 3 * 2
    assert made == trials(("eager", "compile", "compile_cuda_graph"))
    other = trials(("eager", "compile", "compile_cuda_graph"), order_seed=1)
    assert made != other
    assert set(made) == set(other)


def test_no_axis_lines_up_with_time():
    made = trials(("eager", "cuda_graph", "compile", "compile_cuda_graph"))
    position = np.arange(len(made))
    for axis in ("max_seq_len", "depth", "precision", "padding", "backend", "replicate", "seed"):
        values = np.unique([str(getattr(t, axis)) for t in made], return_inverse=True)[1]
        assert abs(np.corrcoef(position, values)[0, 1]) < 0.15, axis


def test_a_program_is_compiled_once_per_replicate():
    made = trials(("eager", "compile", "compile_cuda_graph"))
    compiling = [t for t in made if t.backend != "eager"]
    runs = [(key, list(run)) for key, run in groupby(compiling, key=lambda t: (t.replicate, program(t)))]
    assert len(runs) == 3 * 4 * 2 * 3 * 2
    assert {len(run) for _, run in runs} == {4}  # two backends, two seeds
    # Nothing lies between the trials of a program.
    for _, run in runs:
        first = made.index(run[0])
        assert made[first : first + 4] == run


def test_replicates_of_a_configuration_lie_apart():
    made = trials(("compile", "compile_cuda_graph"))
    adjacent = sum(a.configuration_id == b.configuration_id for a, b in pairwise(made))
    assert adjacent <= 2  # by chance, as in any shuffle
    quarters = Counter((4 * i // len(made), t.replicate) for i, t in enumerate(made))
    # 12 groups of 4 expected in a quarter, standard deviation 2.4 groups: 4 would be more than three of them.
    assert min(quarters.values()) > 16


def test_without_compiling_it_is_a_plain_shuffle():
    import random

    made = sorted(trials(("eager", "cuda_graph")), key=lambda t: t.trial_id)
    plain = list(made)
    random.Random(7).shuffle(plain)
    assert shuffled(made, 7) == plain


def test_a_backend_of_one_padding_has_no_trials_of_others():
    axes = Axes(max_seq_len=(16,), depth=(1,), padding=("max_length", "packed"), backend=("eager", "fused"))
    config = SweepConfig(axes=axes)
    made = grid(config, [Limits(12, 512)])
    pairs = [("eager", "max_length"), ("eager", "packed"), ("fused", "packed")]
    assert sorted({(t.backend, t.padding) for t in made}) == pairs
    assert left_out(config, [Limits(12, 512)]) == [
        "padding max_length is left out for fused, which takes packed inputs alone"
    ]


def test_a_backend_without_any_padding_that_it_takes_is_refused():
    with pytest.raises(
        UsageError, match=r"padding must be packed with the backend fused_tanh, but got 'longest'; give"
    ):
        Axes(padding=("longest",), backend=("eager", "fused_tanh"))
    with pytest.raises(UsageError, match=r"but got \('max_length', 'longest'\)"):
        Axes(padding=("max_length", "longest"), backend=("fused",))

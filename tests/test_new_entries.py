"""A new thing is its entry in one registry: made-up ones are found in trials, table, sentences and page."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.report.build import build_report
from analysis.report.summary import summary
from search_spaces.axes import AXES, Axis
from search_spaces.backends import BACKENDS, Backend
from search_spaces.grid import grid
from search_spaces.models import Limits
from search_spaces.objectives import OBJECTIVES, Objective
from search_spaces.precisions import PRECISIONS, Precision
from search_spaces.presets import SST2
from search_spaces.search_space import SearchSpace
from search_spaces.sweep_config import Axes
from search_spaces.trial_config import TrialConfig
from tests.make.rows import EXAMPLES, row
from trainables.energy.sources import SOURCES
from trainables.rows.columns import COLUMNS

REGISTRIES = (AXES, PRECISIONS, BACKENDS, OBJECTIVES, SOURCES, COLUMNS)


@dataclass(frozen=True)
class LaidOutTrial(TrialConfig):
    layout: str = "rows"


@dataclass(frozen=True)
class LaidOutAxes(Axes):
    trial_type: ClassVar[type[TrialConfig]] = LaidOutTrial
    layout: tuple[str, ...] = ("rows",)


@pytest.fixture
def entered() -> Iterator[None]:
    """One made-up entry in each registry, for one test."""
    before = [dict(registry) for registry in REGISTRIES]
    AXES.add(
        Axis(
            name="layout",
            meaning="how a batch lies in memory",
            title="Layout",
            word="layout",
            plural="layouts",
            label="Layout",
            words="laid out in {}",
            tag="{}",
            distance=lambda value: float(value != "rows"),
            usual="rows",
            choices=("rows", "tiles"),
        )
    )
    PRECISIONS.add(Precision("fp12", "float16"))
    BACKENDS.add(Backend("abacus", "tests.no_such_module"))
    OBJECTIVES.add(Objective("kappa", "Cohen's", "fraction", "max", "kappa", score=True))
    SOURCES.add(replace(SOURCES["nvml_counter"], name="calorimeter", words="the water's warmth"))
    yield
    for registry, known in zip(REGISTRIES, before, strict=True):
        for name in set(registry) - set(known):
            del registry[name]


@pytest.mark.usefixtures("entered")
def test_an_axis_makes_trials_and_points() -> None:
    axes = LaidOutAxes(
        max_seq_len=(16,), depth=(2,), precision=("fp12",), layout=("rows", "tiles"), backend=("abacus",)
    )
    config = replace(SST2, axes=axes)
    trials = grid(config, [Limits(12, 512)])
    assert sorted(t.trial_id.split("-s42-")[1] for t in trials) == [
        f"len16-depth2-fp12-b64-max_length-abacus-{layout}-r0" for layout in ("rows", "tiles")
    ]
    space = SearchSpace.of(config, [Limits(12, 512)], "cuda")
    assert space.named(space.baseline)["layout"] == "rows"
    assert {space.trial(point).configuration["layout"] for point in space.points} == {"rows", "tiles"}


@pytest.mark.seconds
@pytest.mark.usefixtures("entered")
def test_rows_of_it_are_told_apart_and_told_in_page_and_summary(tmp_path: Path) -> None:
    bits = np.arange(EXAMPLES) < 800
    rows = [
        row(48, 12, precision, energy=energy, bits=bits, backend="abacus", layout=layout, kappa=0.8,
            energy_source="calorimeter")
        for precision, layout, energy in (("fp32", "rows", 0.1), ("fp12", "rows", 0.06), ("fp12", "tiles", 0.05))
    ]  # fmt: skip
    for i, record in enumerate(rows):
        record["trial_id"] = f"trial-{i}"
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    table = analysis.configurations(analysis.load(tmp_path / "rows.csv"))
    assert sorted(table["layout"]) == ["rows", "rows", "tiles"], "layouts must not be averaged"
    assert table["kappa"].tolist() == [0.8] * 3

    report = build_report([tmp_path / "rows.csv"], output=tmp_path / "report", bootstrap=False)
    page, printed = report.html.read_text(), summary(report, 140)
    assert ">Layout" in page
    assert ">Kappa" in page
    assert "the water&#39;s warmth" in page
    assert "laid out in tiles" in page
    assert "Layout" in printed
    assert "laid out in tiles uses 2x less energy than" in " ".join(printed.split())


def test_axes_fields_and_columns_are_the_same() -> None:
    axes = {f.name for f in fields(Axes)}
    assert axes | {"model"} == set(AXES) == set(AXES) & {f.name for f in fields(TrialConfig)}
    assert set(AXES) <= set(COLUMNS)
    assert {name for name, objective in OBJECTIVES.items() if objective.score} <= set(COLUMNS)

"""What a finished, unfinished or partly failed sweep means: tables, Pareto sets, models, audit. Never torch.

    import analysis
    rows = analysis.load("runs/sst2")              # one row per measuring trial, as measured
    rows, _ = analysis.level_cards(rows, analysis.load_anchors("runs/sst2"))  # trials on several cards
    clean, excluded = analysis.valid(rows)
    table = analysis.configurations(clean)         # one row per configuration
    front = analysis.pareto_set(table, ["accuracy", "energy_j_per_example"])
    model = analysis.fit_energy(clean)
    answer = analysis.recommend(rows)
    tasks = analysis.compare(["runs/sst2", "runs/qqp"])   # do they agree? `python -m analysis.across`

The names below are imported on first use, so that `python -m analysis.predict --help` needs no pandas.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.audit import audit
    from analysis.cards import card_factors, level_cards
    from analysis.comparison import compare
    from analysis.decomposition import decompose
    from analysis.energy_model import EnergyModel, fit_energy
    from analysis.errors import CannotAnswer
    from analysis.load import (
        finished_trials,
        load,
        load_anchors,
        load_environment,
        load_finetune,
        load_traces,
        load_windows,
        recompute,
    )
    from analysis.pareto import hypervolume, knee, pareto_set
    from analysis.payback import finetuning_cost
    from analysis.predict import predict
    from analysis.recommend import recommend
    from analysis.table import comparable_groups, configurations, valid
    from analysis.trust import untrusted
    from analysis.uncertainty import front_probability
    from analysis.write import write_tables

_HOME = {
    "audit": "audit",
    "card_factors": "cards",
    "level_cards": "cards",
    "compare": "comparison",
    "decompose": "decomposition",
    "EnergyModel": "energy_model",
    "fit_energy": "energy_model",
    "CannotAnswer": "errors",
    "finished_trials": "load",
    "load": "load",
    "load_anchors": "load",
    "load_environment": "load",
    "load_finetune": "load",
    "load_traces": "load",
    "load_windows": "load",
    "recompute": "load",
    "hypervolume": "pareto",
    "knee": "pareto",
    "pareto_set": "pareto",
    "finetuning_cost": "payback",
    "predict": "predict",
    "recommend": "recommend",
    "comparable_groups": "table",
    "configurations": "table",
    "valid": "table",
    "untrusted": "trust",
    "front_probability": "uncertainty",
    "write_tables": "write",
}

__all__ = [
    "CannotAnswer",
    "EnergyModel",
    "audit",
    "card_factors",
    "comparable_groups",
    "compare",
    "configurations",
    "decompose",
    "finetuning_cost",
    "finished_trials",
    "fit_energy",
    "front_probability",
    "hypervolume",
    "knee",
    "level_cards",
    "load",
    "load_anchors",
    "load_environment",
    "load_finetune",
    "load_traces",
    "load_windows",
    "pareto_set",
    "predict",
    "recommend",
    "recompute",
    "untrusted",
    "valid",
    "write_tables",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")


class _Package(ModuleType):
    """`analysis.load` is the function, although importing the file `load.py` would put the module there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

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

The names below are imported on first use, so that `python -m analysis.predict --help` needs no pandas. The commands
`audit` and `predict` are modules.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.errors import CannotAnswer
    from analysis.findings.comparison import compare
    from analysis.findings.configurations import comparable_groups, configurations, valid
    from analysis.findings.decomposition import decompose
    from analysis.findings.energy_model.model import EnergyModel, fit_energy
    from analysis.findings.front_probability import front_probability
    from analysis.findings.pareto import hypervolume, knee, pareto_set
    from analysis.findings.payback import finetuning_cost
    from analysis.findings.recommend import recommend
    from analysis.report.write import write_tables
    from analysis.rows.cards import card_factors, level_cards
    from analysis.rows.load import load, load_anchors, load_environment, load_finetune
    from analysis.rows.trust import untrusted
    from analysis.rows.windows import load_traces, load_windows, recompute

__all__ = [
    "CannotAnswer",
    "EnergyModel",
    "card_factors",
    "comparable_groups",
    "compare",
    "configurations",
    "decompose",
    "finetuning_cost",
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
    "recommend",
    "recompute",
    "untrusted",
    "valid",
    "write_tables",
]

_HOMES = {
    "errors": ("CannotAnswer",),
    "findings.comparison": ("compare",),
    "findings.configurations": ("comparable_groups", "configurations", "valid"),
    "findings.decomposition": ("decompose",),
    "findings.energy_model.model": ("EnergyModel", "fit_energy"),
    "findings.front_probability": ("front_probability",),
    "findings.pareto": ("hypervolume", "knee", "pareto_set"),
    "findings.payback": ("finetuning_cost",),
    "findings.recommend": ("recommend",),
    "report.write": ("write_tables",),
    "rows.cards": ("card_factors", "level_cards"),
    "rows.load": ("load", "load_anchors", "load_environment", "load_finetune"),
    "rows.trust": ("untrusted",),
    "rows.windows": ("load_traces", "load_windows", "recompute"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")

"""The commands that take a recommendation away, and what it would cost without them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd

from analysis.findings.plain_loop import plain_loop
from analysis.findings.recommend import Recommendation
from analysis.words.rounding import format_with_uncertainty, times

NO_RUN = "RUN"  # where the rows do not say which folder they are of


def commands(r: Recommendation, trial: str | None = None) -> str:
    """Shell commands, a line each: export what is recommended, or `trial` where nothing is, and run it."""
    named = f" --trial {shlex.quote(trial)}" if r.choice is None and trial else ""
    return (
        f"python -m serving.export {shlex.quote(run_of(r))} --output-dir deployed{named}\n"
        "python -m serving.predict deployed < texts.txt > labels.tsv\n"
    )


def run_of(r: Recommendation) -> str:
    """The run folder of what is recommended, from here or from the folder that holds it: never an absolute path, which
    would hold on one machine only. RUN for a name that a page's code block cannot hold as it is."""
    names = str(r.reference.get("run", "")).split(";")
    folders = [r.folders[name] for name in names if name in r.folders and r.folders[name].is_dir()]
    if not folders:
        return NO_RUN
    folder, here = folders[0].resolve(), Path.cwd().resolve()
    name = folder.relative_to(here).as_posix() if folder.is_relative_to(here) else folder.name
    return name if name.isprintable() and not set(name) & set("<`") else NO_RUN


def plain_cost(r: Recommendation) -> str:
    """What the nearest plain Transformers loop needs, in a sentence; "" where it was not measured."""
    loop = plain_loop(r)
    if loop is None:
        return ""
    energy = "energy_j_per_example"
    return (
        f"Plain Transformers in the same precision, length, depth and batch size (eager, padding {loop['padding']}) "
        f"needs {_mj(loop)}, {times(float(loop[energy] / r.reference[energy]))} that of {r.reference['configuration']}"
        ", both with inputs staged beforehand."
    )


def _mj(row: pd.Series) -> str:
    return format_with_uncertainty(1e3 * float(row["energy_j_per_example"]), unit="mJ")

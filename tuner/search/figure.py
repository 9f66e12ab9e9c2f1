"""The optimisation history as a figure: hypervolume against trials and against device time."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import BLUE, MUTED, ORANGE, new_figure, save, settle, styled, title, watermark

NAME = "search_history"


def search_history_figure(history: pd.DataFrame, reference: str, estimated: bool = False) -> Figure:
    """Two panels of one curve. `history` is history.csv; `reference` names the corner of the hypervolume."""
    with styled():
        figure, (by_trial, by_time) = new_figure(height_in=3.4, rows=2)
        own = history[~history["imported"]]
        for axes, column, label in ((by_trial, "trials", "trials"), (by_time, "device_s", "device time (s)")):
            axes.step(own[column], own["hypervolume"], where="post", color=BLUE, linewidth=1.2)
            pruned = own[own["status"] == "pruned"]
            axes.plot(pruned[column], pruned["hypervolume"], ls="", marker="|", color=ORANGE, label="pruned")
            axes.set_xlabel(label)
            axes.set_ylim(bottom=0)
            axes.set_ylabel("hypervolume")
        if (own["status"] == "pruned").any():
            by_trial.legend(loc="lower right")
        before = history[history["imported"]]
        if len(before):
            by_trial.axhline(before["hypervolume"].iloc[-1], color=MUTED, linewidth=0.8, linestyle=":")
        title(figure, "Hypervolume of the frontier during the search", f"up to {reference}")
        if estimated:
            watermark(figure)
        settle(figure)
        return figure


def write(history: pd.DataFrame, reference: str, folder: Path, estimated: bool = False) -> None:
    """figures/search_history.png and .svg in the run folder."""
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    save(search_history_figure(history, reference, estimated), figures, NAME)

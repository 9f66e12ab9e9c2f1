"""The figure of a kept run: each round against idle neighbours.

python -m benchmarks.experiments.neighbours.figure DIR/neighbours.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from analysis.figures.style import BLUE, INK, MUTED, PAGE_WIDTH_IN, VERMILLION, new_figure, styled
from benchmarks.experiments.neighbours.neighbour import STATES
from benchmarks.lib.command import KeptFile, parse


def draw(payload: dict[str, Any], file: Path) -> None:
    """Each round's ratio to idle neighbours: energy and time, one panel per load."""
    with styled():
        figure, panels = new_figure(width_in=PAGE_WIDTH_IN, columns=2)
        for panel, load in zip(panels, ("anchor", "launch-bound"), strict=True):
            own = [c for c in payload["compared"] if c["load"] == load and c["neighbours"] != STATES[0]]
            panel.axhline(0, color=MUTED, lw=0.8)
            for x, entry in enumerate(own):
                for shift, name, color, marker in ((-0.12, "energy", BLUE, "o"), (0.12, "latency", VERMILLION, "s")):
                    values = 100 * (np.array(entry[name]) - 1)
                    spread = np.linspace(-0.05, 0.05, len(values))
                    label = None if x else {"energy": "J/example", "latency": "ms/example"}[name]
                    panel.plot(x + shift + spread, values, marker, color=color, ms=3.5, alpha=0.7, label=label)
                    panel.plot([x + shift - 0.09, x + shift + 0.09], [np.median(values)] * 2, color=INK, lw=1.2)
            panel.set_xticks(range(len(own)), [f"{c['neighbours']} neighbour" for c in own])
            panel.set_xlim(-0.5, len(own) - 0.5)
            panel.set_title({"anchor": "The anchor (GPU-bound)", "launch-bound": "Launch-bound"}[load])
            panel.set_ylabel("Against an idle neighbour (%)")
        panels[0].legend(loc="best")
        figure.savefig(file)


def main(argv: list[str] | None = None) -> int:
    file = parse(KeptFile, "benchmarks.experiments.neighbours.figure", __doc__, argv).file
    draw(json.loads(file.read_text()), file.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

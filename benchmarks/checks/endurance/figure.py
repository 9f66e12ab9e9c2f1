"""The figure of a run: memory and overhead over the number of the trial."""

from pathlib import Path

import numpy as np

from analysis.figures.style import BLUE, GREEN, ORANGE, PAGE_WIDTH_IN, PURPLE, VERMILLION, new_figure, styled
from benchmarks.checks.endurance.growth import SETTLED, settled_and_last
from benchmarks.checks.endurance.watch import PROCESSES


def draw(memory: dict[str, np.ndarray], gaps: np.ndarray, file: Path) -> None:
    """Memory since trial 100, and overhead, over the number of the trial."""
    with styled():
        figure, (left, right) = new_figure(width_in=PAGE_WIDTH_IN, columns=2)
        for name, color in zip(PROCESSES, (BLUE, VERMILLION, GREEN, PURPLE, ORANGE), strict=True):
            level = np.nanmedian(settled_and_last(memory["trial"], memory[name])[0])
            if np.isfinite(level):
                label = f"{name} ({level / 1024:.0f} MiB)"
                left.plot(memory["trial"], (memory[name] - level) / 1024, color=color, lw=1.0, label=label)
        left.set_xlabel("Trials done")
        left.set_ylabel(f"Private memory against trial {SETTLED} (MiB)")
        left.legend(loc="upper left")
        number = np.arange(1, len(gaps) + 1)
        right.plot(number, gaps * 1e3, ".", color=BLUE, ms=2, alpha=0.5, label="one trial")
        width = min(51, len(gaps))
        rolling = [np.median(gaps[max(0, i - width // 2) : i + width // 2 + 1]) * 1e3 for i in range(len(gaps))]
        right.plot(number, rolling, color=VERMILLION, lw=1.2, label=f"median of {width}")
        right.set_ylim(0, 3 * float(np.percentile(gaps, 90)) * 1e3)
        right.set_xlabel("Trial")
        right.set_ylabel("Tune and Ray between two trials (ms)")
        right.legend(loc="upper right")
        figure.savefig(file)

"""What a plain Transformers loop costs for a recommended configuration, where the sweep measured it."""

from __future__ import annotations

import pandas as pd

from analysis.findings.recommend import Recommendation
from analysis.findings.slices import same_as
from search_spaces.axes import AXES
from search_spaces.precisions import PRECISIONS

# The axes that such a loop cannot follow: it is eager, and pads to the longest text of a batch, or to the limit.
NOT_ITS_OWN = ("padding", "backend")
NEAREST = ("longest", "max_length")


def plain_loop(r: Recommendation) -> pd.Series | None:
    """The row of `r.table` that differs from what is recommended in nothing but padding and backend, and which plain
    Transformers runs; None where there is none, where that is the choice itself, or its precision is not plain."""
    row = r.reference
    known = PRECISIONS.get(str(row["precision"]))
    if known is None or known.quantised:
        return None
    alike = same_as(r.table, row, [axis for axis in AXES if axis not in NOT_ITS_OWN])
    for padding in NEAREST:
        found = alike[(alike["padding"] == padding) & (alike["backend"] == "eager")]
        if len(found):
            return None if found.index[0] == row.name else found.iloc[0]
    return None

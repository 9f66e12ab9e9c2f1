"""How long reads of a sensor took."""

import numpy as np


def read_summary(read_s: np.ndarray) -> dict[str, float]:
    """Median and 99th percentile of the time of a read, in ms."""
    milliseconds = 1e3 * np.asarray(read_s, float)
    return {"median": float(np.median(milliseconds)), "p99": float(np.percentile(milliseconds, 99))}


def read_cost(read_s: np.ndarray) -> str:
    """ "3.35 ms (p99 12.00)"."""
    cost = read_summary(read_s)
    return f"{cost['median']:.2f} ms (p99 {cost['p99']:.2f})"

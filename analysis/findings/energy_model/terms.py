"""The terms of one example's energy: what it costs per model input, per token and per pair of tokens.

An example is one input, except where long texts become several (SQuAD: windows of a paragraph). What a model costs
whatever the length it costs once per input, and tokens attend within their input only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics.arrays import Floats


def design(terms: Sequence[str], inputs: Floats, layers: Floats, tokens: Floats) -> Floats:
    """(n, terms): a per input, b per token and layer, c per pair of tokens and layer; all arguments per example.

    Tokens are taken to be spread evenly over an example's inputs, as they are where inputs are padded to the limit.
    """
    columns = {"a": inputs, "b": layers * tokens, "c": layers * tokens**2 / inputs}
    return np.column_stack([columns[term] for term in terms])


def inputs_of(points: pd.DataFrame) -> Floats:
    """Model inputs per example; one where the rows do not say."""
    if "inputs_per_example" not in points:
        return np.ones(len(points))
    return points["inputs_per_example"].fillna(1.0).to_numpy(dtype=float)


def formula(terms: Sequence[str], by_depth: bool, one_input: bool) -> str:
    """ "E = a + b * depth * tokens"; with `one_input` False "E = a * inputs + b * depth * tokens"."""
    layers = "depth * " if by_depth else ""
    spelled = {
        "a": "a" if one_input else "a * inputs",
        "b": f"b * {layers}tokens",
        "c": f"c * {layers}tokens^2{'' if one_input else ' / inputs'}",
    }
    return "E = " + " + ".join(spelled[term] for term in terms)

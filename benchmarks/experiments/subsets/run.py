"""The subsets that a worker would take, against all examples."""

import numpy as np

from benchmarks.experiments.subsets import Arguments
from benchmarks.lib.output import table, write_json
from search_spaces.axes import MAX_SEQ_LEN
from search_spaces.presets import preset
from trainables.model.architectures import max_positions
from trainables.model.loading import load_config, load_tokenizer
from trainables.tasks import get_task
from trainables.tasks.base import Inputs
from trainables.worker import evenly_spaced


def run(arguments: Arguments) -> int:
    """0: there is nothing to miss."""
    config = preset(arguments.preset)
    task = get_task(config.task)
    tokenized = task.tokenize(task.load("validation", arguments.data_dir, None), load_tokenizer(arguments.model))
    whole = task.inputs(tokenized, min(MAX_SEQ_LEN, max_positions(load_config(arguments.model))))
    lengths = {length: task.inputs(tokenized, length) for length in config.axes.max_seq_len}
    found = {
        size: {length: deviations(inputs, evenly_spaced(whole, size)) for length, inputs in lengths.items()}
        for size in arguments.sizes
    }
    rows = [
        (str(size), *(f"{100 * max(abs(off[i]) for off in by_length.values()):.3f} %" for i in (0, 1)))
        for size, by_length in found.items()
    ]
    print(f"{config.task}: {len(np.unique(whole.example))} examples, {len(lengths)} lengths; the largest deviation of")
    print(table(("examples", "tokens/example", "inputs/example"), rows))
    write_json(arguments.output, "subsets", {"arguments": vars(arguments), "relative_deviation": found})
    return 0


def deviations(inputs: Inputs, chosen: np.ndarray | None) -> tuple[float, float]:
    """Of the `chosen` examples (None: all): real tokens per example, and inputs per example, over those of all, less
    1."""
    if chosen is None:
        return 0.0, 0.0
    tokens = np.bincount(inputs.example, weights=inputs.ids.lengths)
    windows = np.bincount(inputs.example)
    return float(tokens[chosen].mean() / tokens.mean() - 1), float(windows[chosen].mean() / windows.mean() - 1)

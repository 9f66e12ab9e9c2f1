"""Engines of others as a user runs them: a loop of sorted batches, padded to the longest, on the model's graph."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.lib.raw_text_ways import Answer, Way, Whole, class_loop, loaded
from search_spaces.backends import BACKENDS
from trainables import backends
from trainables.backends.engine import lacking
from trainables.batches import batch_of
from trainables.device import set_precision
from trainables.model.architectures import layer_list, takes_staged_mask
from trainables.model.cut import cut

BATCHES = (64, 436)


def engine_ways(whole: Whole) -> list[Way]:
    """Of the engines that are installed, in each precision that they have on the device; none answers questions."""
    if whole.head != "sequence_classification":
        return []
    found = []
    for name, backend in BACKENDS.items():
        if backend.engine is None or lacking(name, whole.device):
            continue
        for precision in backend.engine.precisions.get(whole.device.type, ()):
            for batch in BATCHES:
                told = f"{name} loop, {precision}, sorted, longest, batch {batch}"
                found.append(Way(told, partial(engine_loop, whole, name, precision, batch)))
    return found


def engine_loop(whole: Whole, engine: str, precision: str, batch: int) -> Answer:
    tokenizer, master = loaded(whole, torch.float32)
    model = cut(master, len(layer_list(master)), set_precision(precision), whole.device)
    staged_mask = takes_staged_mask(model)

    def forward(**inputs: Any) -> Any:
        mask = inputs["attention_mask"].bool()
        inputs |= {"attention_mask": mask[:, None, None] if staged_mask else mask}
        rows, width = inputs["input_ids"].shape
        return SimpleNamespace(logits=backends.build(engine, model, [batch_of(inputs, width, rows)])(0))

    answer = class_loop(tokenizer, _Callable(forward, whole.device), whole.limit, batch, True, "longest")
    answer([("a",) * whole.texts])  # the graph is made of the first batch: that is loading
    return answer


class _Callable:
    """What a loop asks of a model."""

    def __init__(self, forward: Any, device: torch.device) -> None:
        self._forward, self.device = forward, device

    def __call__(self, **inputs: Any) -> Any:
        return self._forward(**inputs)

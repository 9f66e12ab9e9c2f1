"""Questions on contexts by a plain loop around Transformers: its tokenizer's windows, its model, and the best span."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from trainables.tasks.spans import best_spans
from trainables.tasks.squad import MAX_ANSWER_TOKENS, OVERLAP_TOKENS


def question_loop(
    tokenizer: Any, model: Any, limit: int, batch: int, sort: bool, padding: str
) -> Callable[[Sequence[tuple[str, ...]]], list[str]]:
    """The answers' texts. `batch` questions at a time, with all windows of their contexts, which overlap as SQuAD's do
    in the sweep (BERT's `doc_stride`)."""

    def answer(texts: Sequence[tuple[str, ...]]) -> list[str]:
        order = sorted(range(len(texts)), key=lambda i: sum(map(len, texts[i]))) if sort else list(range(len(texts)))
        found = [""] * len(texts)
        with torch.inference_mode():
            for begin in range(0, len(order), batch):
                chosen = order[begin : begin + batch]
                questions, contexts = map(list, zip(*(texts[i] for i in chosen), strict=True))
                inputs = tokenizer(
                    questions,
                    contexts,
                    truncation="only_second",
                    max_length=limit,
                    stride=OVERLAP_TOKENS,
                    return_overflowing_tokens=True,
                    return_offsets_mapping=True,
                    padding=padding,
                    return_tensors="pt",
                )
                rows = inputs.pop("overflow_to_sample_mapping").tolist()
                offsets = inputs.pop("offset_mapping").numpy()
                # None, of a special token, is not a number: part of no context.
                parts = np.array([inputs.sequence_ids(window) for window in range(len(rows))], dtype=np.float32)
                outputs = model(**inputs.to(model.device))
                start, end = torch.stack((outputs.start_logits, outputs.end_logits)).float().cpu().numpy()
                first, last, value = best_spans(start, end, parts == 1, MAX_ANSWER_TOKENS)
                best = np.full(len(chosen), -np.inf)
                for window, row in enumerate(rows):
                    if value[window] > best[row]:
                        best[row] = value[window]
                        span = slice(offsets[window, first[window], 0], offsets[window, last[window], 1])
                        found[chosen[row]] = contexts[row][span]
        return found

    return answer

"""Does the saving reach the user? J/example from raw text to answers, against the staged row and plain Transformers.

    python -m benchmarks.checks.end_to_end --model DIR --data-dir DIR [--task sst2|qqp|squad] [--checkpoint DIR]

One command, one card, one text: the task's validation examples, of SST-2 20 shuffled copies. The configuration is
exported and answered by `serving.predictor`; the same configuration is measured as a trial measures it, on staged
tensors; and Transformers runs the published way (fp32, padded to the limit, batch 64) and a loop in fp16 over sorted
texts. Limits are 128 tokens, for SQuAD 384 with windows that overlap by 128; its J/example is one question's.
Answers are compared with the trial's own, in random order and batches of many sizes: those that differ are listed.
Bars: at most 1.10 of the staged energy, below every peer of `benchmarks.experiments.peers`, no logit off by more than
5 % of the logits' range, and no answer that differs where the trial's margin is twice the largest such difference or
more. For SST-2, BERT-base's on an H100: at least 45 times below the published way, and 2.5 below the sorted loop.
"""

from dataclasses import dataclass

from benchmarks.lib.command import Command
from benchmarks.lib.raw_text_command import RawTextArguments

PUBLISHED_BARS = {"sst2": 45.0}
SORTED_BARS = {"sst2": 2.5}


@dataclass(frozen=True, kw_only=True)
class Arguments(RawTextArguments):
    staged_bar: float = 1.10
    """Raw over staged energy, at most."""
    published_bar: float | None = None
    """Energy of the published way over the product's, at least. None: 45 for sst2, no bar otherwise."""
    sorted_bar: float | None = None
    """Energy of the sorted fp16 loop over the product's, at least. None: 2.5 for sst2, no bar otherwise."""
    peer_bar: float = 1.0
    """Energy of the cheapest peer over the product's, at least."""
    logit_bar: float = 0.05
    """Largest difference between a logit of the predictor and the trial's, over the range of the trial's, at most."""


END_TO_END = Command("benchmarks.checks.end_to_end", __doc__, Arguments)

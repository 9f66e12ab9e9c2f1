"""Does measuring disturb what is measured? The harness against a bare PyTorch loop, in ms per example.

    python -m benchmarks.checks.harness_overhead --model DIR --data-dir DIR --backends eager cuda_graph

A is `trainables.window.measure`, exactly as trials use it: the sampler's process reads the counter beside the loop, and
after every window but the first the interval is computed while the load waits (windows of 0.5 s here, a trial's are
1 s, so what that costs counts double). B is written by hand with PyTorch alone: the Hugging Face model called the plain
way, or `torch.compile` of it, or a CUDA graph of each batch replayed, as A's backend is; `torch.cuda.synchronize` and
`perf_counter` around, no sampler, no copy into a graph's inputs. Both run the same model object on the same staged
tensors (ids, token types and the ready boolean mask, rows x 1 x 1 x tokens), so that neither builds a mask.

A and B alternate (A B A B ...), the ratio of each pair is taken and the median reported.
Bar: at most 1.02 on the GPU-bound configuration for each backend. The launch-bound one (16 tokens, batch 64, eager) has
none: there the sampler's Python competes with the launches for the interpreter, and the ratio says how much.
Also shown: what a read of the counter costs, beside the load.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    backends: tuple[str, ...] = ("eager",)
    """Of the GPU-bound configuration."""
    pairs: int = 5
    """A B pairs per configuration."""
    block_s: float = 1.0
    """Seconds of measured load in A and in B."""
    ratio_bar: float = 1.02
    """Largest median ratio, GPU-bound."""


HARNESS_OVERHEAD = CardBenchmark("benchmarks.checks.harness_overhead", __doc__, Arguments)

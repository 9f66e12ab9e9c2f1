"""How near to the matmul reference do fused layers come, and what is each fusion worth?

    python -m benchmarks.checks.fused --model BERT_BASE_SHAPE --data-dir SST2 --output DIR
    python -m benchmarks.checks.fused --model BERT_BASE_SHAPE --data-dir SST2 --tune    # tiles and warps, in us

J/example of `fused` and `fused_tanh` and of what there was before (cuda_graph), packed, at 128 tokens, and over the
fp16 matmul reference of the same run, measured at its beginning and end. Then, at the first batch size, single fusions
switched off: what that adds is their share. Then the kernels of a pass by torch.profiler. Each line is printed, and
kept in DIR/fused_steps.json, as soon as it is measured: it can be interrupted at any time.

Bar: fp16 `fused` needs at most 1.35 times the reference, at the better of the batch sizes.
"""

from dataclasses import dataclass

from benchmarks.lib.card import CardArguments, CardBenchmark

TOKENS = 128  # above SST-2's longest validation sentence (55): nothing is cut


@dataclass(frozen=True, kw_only=True)
class Arguments(CardArguments):
    fused_precisions: tuple[str, ...] = ("fp16", "fp8")
    """The first is judged."""
    fused_batches: tuple[int, ...] = (436, 872)
    """Inputs per batch."""
    fused_backends: tuple[str, ...] = ("cuda_graph", "fused", "fused_tanh")
    """Those that are not fused run at the first batch size alone (compile_cuda_graph compiles for half a minute)."""
    fused_windows: int = 2
    """Windows of 1 s of each configuration; one less of each step."""
    reference_bar: float = 1.35
    """Largest J/example over that of the matmul reference."""
    steps: bool = True
    """Single fusions off, and the profile."""
    tune: bool = False
    """Instead: time kernels by tiles and warps."""


FUSED = CardBenchmark("benchmarks.checks.fused", __doc__, Arguments)

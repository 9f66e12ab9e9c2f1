"""Ready-made sweeps: the published settings, and the demo, as data."""

from dataclasses import replace

from search_spaces.axes import PADDINGS
from search_spaces.errors import UsageError
from search_spaces.precisions import PRECISIONS
from search_spaces.sweep_config import FULL_DEPTH, Axes, Finetuning, MeasuringOptions, SweepConfig

PAPER_LENGTHS = (16, 24, 32, 40, 48, 64, 96, 128)

SST2 = SweepConfig(task="sst2", axes=Axes(max_seq_len=PAPER_LENGTHS, precision=("fp32", "fp16")))

# What the paper's axes miss: padding, kernel launches and batch size. The whole model on whole sentences (the longest
# has 55 tokens), the published baseline included: 72 trials, so that every order of switching the axes is measured.
SST2_FRONTIER = replace(
    SST2,
    axes=Axes(
        max_seq_len=(128,),
        depth=(FULL_DEPTH,),
        precision=("fp32", "fp16", "bf16", "fp8"),
        batch_size=(64, 218),
        padding=("max_length", "longest", "packed"),
        backend=("eager", "cuda_graph", "compile_cuda_graph"),
    ),
)

# All axes at once: 17,280 configurations, for `python -m tuner.search`. Of the backends, those that have run on a card.
SST2_LARGE = replace(
    SST2,
    axes=Axes(
        max_seq_len=PAPER_LENGTHS,
        precision=tuple(PRECISIONS),
        batch_size=(32, 64, 109, 218, 436),
        padding=PADDINGS,
        backend=("eager", "cuda_graph", "compile", "compile_cuda_graph"),
    ),
)

# Pairs, at full depth as published. A pass over GLUE's 40,430 validation pairs takes BERT-base 23 s at fp32 and 128
# tokens on an H100, five windows two minutes. 2,048 pairs, evenly spaced by length, take 1.2 s; their tokens per pair
# differ from those of 7,597 pairs by at most 0.06 % at any of these lengths (`benchmarks.experiments.subsets`).
QQP = SweepConfig(
    task="qqp",
    axes=Axes(max_seq_len=PAPER_LENGTHS, depth=(FULL_DEPTH,), precision=("fp32", "fp16", "bf16")),
    measuring=MeasuringOptions(energy_examples=2048),
)

# Spans in paragraphs. 1,024 of the 10,570 questions for the same reason: their tokens and windows per question are
# within 0.3 % of all at each of these lengths (512 questions: 0.8 %; `benchmarks.experiments.subsets`).
# Trained at the longest length that is measured.
SQUAD = SweepConfig(
    task="squad",
    axes=Axes(max_seq_len=(128, 160, 192, 224, 256, 320, 384), precision=("fp32", "fp16")),
    finetuning=Finetuning(train_batch_size=16, train_max_seq_len=384),
    measuring=MeasuringOptions(energy_examples=1024),
)

# Small enough for two CPU cores: no download, and tenths of a second per window where nothing is sensed anyway.
DEMO = SweepConfig(
    task="demo",
    model=("demo-bert",),
    axes=Axes(max_seq_len=(16, 24, 32, 40, 48, 64), depth=(1, 2, 3, 4), precision=("fp32", "bf16")),
    finetuning=Finetuning(epochs=3, learning_rate=5e-4, train_max_seq_len=64),
    measuring=MeasuringOptions(short_estimates=True),
)

# The same question where ONNX Runtime is installed, on a CPU, in as many trials: it and 8 bits in place of bf16, which
# few of a laptop's processors have, of two lengths and of the shallowest model.
DEMO_ENGINES = replace(
    DEMO,
    axes=Axes(
        max_seq_len=(16, 32, 48, 64), depth=(2, 3, 4), precision=("fp32", "int8"), backend=("eager", "onnxruntime")
    ),
)

PRESETS: dict[str, SweepConfig] = {
    "demo": DEMO,
    "demo-engines": DEMO_ENGINES,
    "sst2": SST2,
    "sst2-frontier": SST2_FRONTIER,
    "sst2-large": SST2_LARGE,
    "qqp": QQP,
    "squad": SQUAD,
}


def preset(name: str) -> SweepConfig:
    """The sweep of that name; `UsageError` names the known ones."""
    if name not in PRESETS:
        raise UsageError(f"a preset must be one of {', '.join(PRESETS)}, but got {name!r}; see --help")
    return PRESETS[name]

"""The configurations that the energy benchmarks load a card with."""

from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.trial_config import TrialConfig
from trainables.model.architectures import layer_list
from trainables.worker import Worker

SEED, RANDOM_SEED = 42, 43  # of the model's own weights, and of random ones of the same shape


@dataclass(frozen=True)
class Shape:
    """A configuration without its model: what is run, padded to `tokens`."""

    precision: str
    tokens: int
    batch: int
    backend: str = "eager"

    def __str__(self) -> str:
        return f"{self.precision}, {self.tokens} tokens, batch {self.batch}, {self.backend}"


GPU_BOUND = Shape("fp16", 128, 256)
LAUNCH_BOUND = Shape("fp16", 16, 64)  # the published experiment's worst case: a window of 0.18 s on its L4
HOT = Shape("fp32", 128, 256)  # draws 680 W on an H100
_SMOKE = {GPU_BOUND: Shape("fp32", 24, 32), LAUNCH_BOUND: Shape("fp32", 16, 8), HOT: Shape("fp32", 24, 32)}


def shape_for(bench: Worker, shape: Shape, backend: str | None = None) -> Shape:
    """The shape itself on a GPU, a tiny one on a CPU; with the backend, if one is given."""
    chosen = shape if on_gpu(bench) else _SMOKE[shape]
    return replace(chosen, backend=backend) if backend else chosen


def graph_backend(bench: Worker) -> Literal["cuda_graph", "eager"]:
    """The backend of steadiest power: a CUDA graph, or eager on a CPU."""
    return "cuda_graph" if on_gpu(bench) else "eager"


def on_gpu(bench: Worker) -> bool:
    return bench.device.type == "cuda"


def trial_of(bench: Worker, model: str, shape: Shape, replicate: int, seed: int = SEED) -> TrialConfig:
    """The shape as a measuring trial of the whole model."""
    return TrialConfig(
        task=bench.data.task,
        model=model,
        seed=seed,
        max_seq_len=shape.tokens,
        depth=len(layer_list(bench.master(seed))),
        precision=shape.precision,
        batch_size=shape.batch,
        backend=shape.backend,
        replicate=replicate,
    )

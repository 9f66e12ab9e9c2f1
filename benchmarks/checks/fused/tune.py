"""Kernels timed at the model's shape by their tiles and warps: which settings the constants should have."""

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.checks.fused import TOKENS
from benchmarks.lib.graph_time import microseconds
from benchmarks.lib.shapes import SEED
from trainables.model.attention import short
from trainables.model.flops import config_sizes
from trainables.model.fused import add_norm, eight_bits, gelu, linear_gelu
from trainables.model.fused.linear_gelu import Tile
from trainables.model.fused.rows import Norm, Unfinished
from trainables.worker import Worker

INPUTS = 436
TILES = (
    Tile(),
    Tile(stages=4),
    Tile(group=16),
    Tile(features=256, stages=3),
    Tile(features=256, stages=4),
    Tile(tokens=256),
    Tile(tokens=64, features=256),
    Tile(warps=4),
)


def tune(bench: Worker) -> list[dict[str, Any]]:
    """us of a call of each, in a CUDA graph."""
    lengths = bench.inputs(TOKENS).ids.lengths[:INPUTS]
    config = bench.master(SEED).config
    hidden, within = config_sizes(config)
    tokens, found = int(lengths.sum()), []

    def timed(name: str, call: Callable[[], Any]) -> None:
        try:
            us = microseconds(call, 50)
        except Exception as error:  # settings that a card has not the registers or memory for
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}", flush=True)
            return
        found.append({"name": name, "us": us})
        print(f"{us:8.1f} us  {name}", flush=True)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=bench.device, dtype=torch.float16)

    x, wide, weight, bias = normal(tokens, hidden), normal(tokens, within), normal(within, hidden), normal(within)
    weight *= hidden**-0.5
    timed("up: addmm", lambda: torch.addmm(bias, x, weight.t()))
    timed("up: addmm with tanh GELU", lambda: torch._addmm_activation(bias, x, weight.t(), use_gelu=True))
    for tile in TILES:
        timed(f"up: linear_gelu {tuple(tile)}", partial(linear_gelu.linear_gelu, x, weight, bias, tile))
    timed("gelu alone", lambda: gelu.gelu(Unfinished(wide), False, torch.float16))
    down_bias, residual = bias[:hidden].clone(), normal(tokens, hidden)
    down = normal(hidden, within) * within**-0.5
    timed("down: addmm", lambda: torch.addmm(down_bias, wide, down.t()))
    timed("down: onto the residual", lambda: x.mul_(0).addmm_(wide, down.t()))
    timed("(of it the mul_)", lambda: x.mul_(0))
    norm = Norm(normal(hidden), normal(hidden), 1e-12)
    for per_warp in (256, 512, 1024, 2048):
        with patch.multiple(eight_bits, PER_WARP=per_warp):
            product = Unfinished(x, down_bias)
            timed(f"add_norm, {per_warp} a warp", partial(add_norm.add_norm, product, None, norm, None))
            eight = partial(add_norm.add_norm, product, residual, norm, torch.float8_e4m3fn)
            timed(f"add_norm with residual, and fp8, {per_warp} a warp", eight)
        with patch.multiple(gelu, PER_WARP=per_warp):
            timed(
                f"gelu to fp8, {per_warp // 2} a warp",
                lambda: gelu.quantised_gelu(Unfinished(wide), False, torch.float8_e4m3fn),
            )
    ends = torch.tensor([0, *lengths.cumsum()], dtype=torch.int32, device=bench.device)
    q, k, v = normal(tokens, 3 * hidden).chunk(3, dim=1)
    heads = config.num_attention_heads
    for size in (16, 32, 64):
        for warps in (1, 2, 4):
            with patch.multiple(short, TILE=size, WARPS=warps):
                call = partial(short.attend, q, k, v, ends, int(lengths.max()), heads, (hidden // heads) ** -0.5)
                timed(f"attention, tiles of {size}, {warps} warps", call)
    return found

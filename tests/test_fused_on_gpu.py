"""What only a GPU can show of fused layers: the kernels as they are compiled, and errors beside eager's.

python -m pytest tests/test_fused_on_gpu.py -s -W default     # prints both errors, and peaks of memory
"""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from tests.make import models as tiny
from tests.make.exports import check_answers
from tests.make.measured_run import demo_case, measured_run, trial_of
from tests.make.passes import all_logits
from trainables.batches import plan, stage
from trainables.device import free_memory, peak_memory_mib, set_precision
from trainables.load import prepare
from trainables.model.architectures import ARCHITECTURES, first_position
from trainables.model.attention.packed import use_packed_attention
from trainables.model.cut import cut
from trainables.model.fused.layers import use_fused
from trainables.model.fused.operations import REFERENCE, operations_of

if not (torch.cuda.is_available() and find_spec("triton")):
    pytest.skip("no CUDA device", allow_module_level=True)

from search_spaces.trial_config import TrialConfig
from tests.make import fused_kernels as kernels
from trainables.model.fused.linear_gelu import Tile

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
KNOWN = [a.name for a in ARCHITECTURES.values() if a.parts]
EIGHT_BITS = [torch.int8, torch.float8_e4m3fn]
SIZES = {"hidden_size": 128, "intermediate_size": 256}  # heads of 32, sizes that fp8 takes
NARROW = {"dim": 128, "hidden_dim": 256}  # the same, as DistilBERT calls them
BATCH = 64
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11, 16, 2, 14, 8, 8, 6, 10, 13, 1] * 16


def master_of(name, **changes):
    return tiny.model(name, **(NARROW if name == "distilbert" else SIZES), **changes)


# ---- kernels ----


@pytest.mark.parametrize("shape", [*kernels.SHAPES, (11_008, 768)])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_add_norm(shape, dtype, residual):
    kernels.check_add_norm(shape, dtype, None, residual, False, CUDA)


@pytest.mark.parametrize("shape", [*kernels.SHAPES, (11_008, 768)])
@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_add_norm_that_quantises(shape, operands, integers):
    kernels.check_add_norm(shape, torch.bfloat16, operands, True, integers, CUDA)


@pytest.mark.parametrize("shape", [*kernels.SHAPES, (11_008, 3072)])
@pytest.mark.parametrize("tanh", [True, False])
@pytest.mark.parametrize("operands", [None, *EIGHT_BITS])
def test_gelu(shape, operands, tanh):
    kernels.check_gelu(shape, torch.bfloat16, tanh, operands, False, CUDA)
    kernels.check_gelu(shape, torch.bfloat16, tanh, operands, True, CUDA)


@pytest.mark.parametrize("shape", kernels.SHAPES)
@pytest.mark.parametrize("operands", EIGHT_BITS)
def test_quantise(shape, operands):
    kernels.check_quantise(shape, torch.bfloat16, operands, CUDA)


@pytest.mark.parametrize("shape", [(3, 2304), (2, 1152), (5, 80), (11_008, 2304)])
def test_finish(shape):
    kernels.check_finish(shape, CUDA)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "sizes", [(70, 64, 96), (1, 40, 72), (436, 768, 3072), (11_008, 768, 3072), (5_000, 384, 1536)]
)
@pytest.mark.parametrize("tile", [None, Tile(features=256)])
def test_linear_gelu(sizes, dtype, tile):
    kernels.check_linear_gelu(*sizes, dtype, tile, CUDA)


# ---- models ----


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8", "fp8"])
@pytest.mark.parametrize("name", KNOWN)
def test_errors_are_at_most_those_of_eager(name, precision, rng):
    master = master_of(name)
    inputs = tiny.inputs(LENGTHS, rng, master.config.pad_token_id)
    exact = all_logits(cut(master, 3, torch.float32, CPU), inputs, "max_length", batch_size=BATCH)
    largest, typical = {}, {}
    for backend in ("eager", "fused", "fused_tanh"):
        model = cut(master, 3, set_precision(precision), CUDA)
        error = (all_logits(model, inputs, "packed", backend, BATCH) - exact) / np.ptp(exact)
        largest[backend], typical[backend] = np.abs(error).max(), np.sqrt((error**2).mean())
    words = ", ".join(f"{b} {largest[b]:.1e} ({typical[b]:.1e})" for b in largest)
    print(f"{name:10} {precision:5} largest (typical) error over the range: {words}")
    # The typical one is told from chance; the largest of 640 is chance in part.
    assert typical["fused"] < 1.1 * typical["eager"] + 1e-6
    assert largest["fused"] < 1.4 * largest["eager"] + 5e-6
    assert typical["fused_tanh"] < 1.1 * typical["eager"] + 2e-3


@pytest.mark.parametrize("precision", ["fp16", "int8", "fp8"])
@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("name", KNOWN)
def test_kernels_give_what_their_reference_gives_in_a_whole_model(name, precision, classify, rng):
    """Sequences of one token and of more than 128, which other attention kernels take."""
    master = master_of(name, max_position_embeddings=256)
    inputs = tiny.inputs([1, 128, 3, 130, 17, 64, 2, 200, 128, 5, *[4] * 16], rng, master.config.pad_token_id)
    planned = plan(inputs.ids.lengths, 64, 256, "packed")
    (batch,) = stage(inputs, planned, CUDA, True, first_position(master.config))
    found = []
    for operations in (operations_of(CUDA), REFERENCE):
        model = cut(master, 3, set_precision(precision), CUDA)
        use_packed_attention(model, classify=classify)
        use_fused(model, operations=operations)
        with torch.inference_mode():
            found.append(model.base_model(**_known(model, batch), max_seqlen=batch.max_seqlen)[0].float())
    ours, expected = found
    error = float((ours - expected).square().mean().sqrt() / expected.std())
    print(f"{name} {precision} {'first tokens' if classify else 'all tokens'}: {error:.1e}")
    assert error < {"fp16": 5e-3, "int8": 0.05, "fp8": 0.1}[precision]


def _known(model, batch):
    """What the base model takes: MPNet's has no hook that makes a packing of boundaries."""
    from trainables.model.attention.sequences import Packing

    tensors = batch.tensors()
    if not ARCHITECTURES[model.config.model_type].position_bias:
        return tensors
    packing = Packing(tensors.pop("cu_seqlens"), batch.max_seqlen, tensors.pop("starts"))
    return tensors | {"attention_mask": packing}


@pytest.mark.parametrize("backend", ["fused", "fused_tanh"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_an_export_answers_what_its_trial_answered(precision, backend, tmp_path):
    case = demo_case()
    trial = trial_of(case, precision=precision, padding="packed", backend=backend)
    check_answers(measured_run(tmp_path / "run", case, [trial]), trial.trial_id, tmp_path / "deployed")


@pytest.mark.parametrize("precision", ["fp16", "fp8"])
def test_no_more_memory_than_a_cuda_graph_of_the_same(precision, rng):
    master = tiny.model(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=4)
    inputs = tiny.inputs(LENGTHS, rng)
    peaks = {}
    for backend in ("cuda_graph", "fused"):
        free_memory(CUDA)
        model = cut(master, 4, set_precision(precision), CUDA)
        use_packed_attention(model, classify=True)
        trial = TrialConfig("sst2", "tiny", 0, 16, 4, precision, batch_size=320, padding="packed", backend=backend)
        with torch.inference_mode():
            prepare(trial, model, inputs).run_pass()
        peaks[backend] = peak_memory_mib(CUDA)
        del model
    print(f"{precision}: peaks in MiB {peaks}")
    assert peaks["fused"] < 1.02 * peaks["cuda_graph"]

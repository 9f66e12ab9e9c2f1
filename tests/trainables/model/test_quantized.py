"""8-bit linear layers: equal to a product worked by hand, close to fp32, and honest about where they cannot run."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.make import models as tiny
from tests.make.passes import all_logits
from trainables import batches
from trainables.device import BackendError, set_precision
from trainables.matmul_reference import matmul
from trainables.model import quantized
from trainables.model.architectures import ARCHITECTURES, layer_list
from trainables.model.cut import cut

CPU = torch.device("cpu")
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11]
INT8, FP8 = torch.int8, torch.float8_e4m3fn


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def linear(weight, bias=None):
    weight = torch.tensor(weight)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(torch.tensor(bias))
    return layer


def wide(in_features=64, out_features=32, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(in_features, out_features)


def test_int8_worked_by_hand():
    # Token (127, -3, 0.4, ...) has scale 1: 127, -3, 0. Channel (2, 0, ...) has scale 2/127, so 2 is 127.
    x = torch.zeros(2, 8)
    x[0, :3] = torch.tensor([127.0, -3.0, 0.4])
    weight = np.zeros((8, 8), dtype=np.float32)
    weight[0, 0] = 2.0
    weight[1, :3] = [254.0, 2.0, 127.0]  # scale 2: 127, 1, 64 (63.5 rounds to even)
    layer = quantized.QuantizedLinear(linear(weight, [0.5] + [0.0] * 7), INT8, CPU)
    assert layer.weight[1, :3].tolist() == [127, 1, 64]
    out = layer(x.bfloat16())
    expected = torch.zeros(2, 8)
    expected[0, 0] = 127 * 127 * (2 / 127) + 0.5  # 254.5
    expected[0, 1] = (127 * 127 - 3 * 1 + 0 * 64) * 2  # 32252
    expected[:, 0] = torch.tensor([254.5, 0.5])
    torch.testing.assert_close(out, expected.bfloat16(), rtol=0, atol=0)


def test_fp8_worked_by_hand():
    # 448 is the largest e4m3 number: scale 1; 3.3 has three mantissa bits: 3.25. Channel scale 2: 2 is 1.
    x = torch.zeros(1, 16)
    x[0, :2] = torch.tensor([448.0, 3.3])
    weight = np.zeros((16, 16), dtype=np.float32)
    weight[0, :2] = [896.0, 2.0]
    layer = quantized.QuantizedLinear(linear(weight, [1.0] + [0.0] * 15), FP8, CPU)
    assert layer.scale[0, 0] == 2
    out = layer(x.bfloat16()).float()
    assert out[0, 0] == pytest.approx(448 * 448 * 2 + 3.25 * 1 * 2 + 1, rel=2**-8)  # bf16 keeps 8 bits
    assert (out[0, 1:] == 0).all()


@pytest.mark.parametrize(("dtype", "bound"), [(INT8, 0.012), (FP8, 0.045)])
def test_the_error_is_that_of_eight_bits(dtype, bound):
    # Relative to the output's size: int8 rounds to 1/254 of a row's maximum, e4m3 to 1/16 of each number.
    layer = wide(768, 96)
    x = torch.randn(40, 768, generator=torch.Generator().manual_seed(1))
    exact = layer(x) - layer.bias
    error = (quantized.QuantizedLinear(layer, dtype, CPU)(x.bfloat16()).float() - layer.bias) - exact
    relative = float(error.square().mean().sqrt() / exact.square().mean().sqrt())
    assert bound / 4 < relative < bound


@pytest.mark.parametrize("dtype", [INT8, FP8])
def test_one_token_does_not_touch_another(dtype):
    layer = quantized.QuantizedLinear(wide(), dtype, CPU)
    x = torch.randn(2, 20, 64, generator=torch.Generator().manual_seed(2)).bfloat16()
    louder = x.clone()
    louder[1, 7] *= 1000
    same = torch.ones(2, 20, dtype=torch.bool)
    same[1, 7] = False
    assert torch.equal(layer(x)[same], layer(louder)[same])
    assert layer(x).shape == (2, 20, 32)


@pytest.mark.parametrize("dtype", [INT8, FP8])
def test_zeros_stay_zero_and_the_largest_number_does_not_overflow(dtype):
    q, scale = quantized.quantize_rows(torch.zeros(3, 16), dtype)
    assert (q.float() == 0).all()
    assert torch.isfinite(scale).all()
    x = torch.randn(2000, 16, generator=torch.Generator().manual_seed(3)) * 1e3
    q, scale = quantized.quantize_rows(x, dtype)
    assert torch.isfinite(q.float()).all()
    assert (q.float().abs().amax(dim=1) == {INT8: 127, FP8: 448}[dtype]).all()
    largest = x.abs().amax(dim=1, keepdim=True)
    assert ((q.float() * scale - x).abs() <= largest / (250 if dtype == INT8 else 16)).all()


@pytest.fixture
def fp8_anywhere(monkeypatch):
    """fp8 on a CPU is emulated by torch: too slow to measure, right for a test of numbers."""
    monkeypatch.setattr(quantized, "require_support", lambda dtype, device: None)


@pytest.mark.parametrize("precision", ["int8", "fp8"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_encoder_is_quantised_and_nothing_else(architecture, precision, fp8_anywhere):
    master = tiny.model(architecture)
    before = {name: p.clone() for name, p in master.named_parameters()}
    dtype = set_precision(precision)
    model = cut(master, 3, dtype, CPU)
    inside = list(layer_list(model).modules())
    assert not any(type(m) is nn.Linear for m in inside)
    assert {m.weight.dtype for m in inside if isinstance(m, quantized.QuantizedLinear)} == {dtype}
    assert {m.scale.dtype for m in inside if isinstance(m, quantized.QuantizedLinear)} == {torch.float32}
    outside = [m for m in model.modules() if not any(m is i for i in inside)]
    assert not any(isinstance(m, quantized.QuantizedLinear) for m in outside)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert all(torch.equal(p, before[name]) for name, p in master.named_parameters())
    # The weights come from fp32, not from a bf16 copy of it.
    name, first = next((n, m) for n, m in layer_list(model).named_modules() if isinstance(m, quantized.QuantizedLinear))
    original = layer_list(master).get_submodule(name).weight
    assert torch.equal(first.weight.float(), quantized.quantize_rows(original, dtype)[0].float())


@pytest.mark.parametrize(("precision", "atol"), [("int8", 0.03), ("fp8", 0.12)])
@pytest.mark.parametrize("padding", ["max_length", "longest", "packed"])
def test_a_model_agrees_with_fp32(padding, precision, atol, fp8_anywhere, rng):
    master = tiny.model()
    inputs = tiny.inputs(LENGTHS, rng)
    exact = all_logits(cut(master, 3, torch.float32, CPU), inputs, "max_length")
    eight_bit = all_logits(cut(master, 3, set_precision(precision), CPU), inputs, padding)
    difference = np.abs(eight_bit - exact)
    assert 0 < difference.max() < atol * np.ptp(exact) * 3
    confident = np.abs(exact[:, 0] - exact[:, 1]) > 2 * difference.max()
    assert confident.sum() > len(LENGTHS) / 2
    assert (eight_bit.argmax(1) == exact.argmax(1))[confident].all()


def test_fp8_on_a_cpu_says_why_not():
    with pytest.raises(BackendError, match=r"fp8 needs a CUDA device of compute capability 8\.9, but .* cpu; use int8"):
        cut(tiny.model(), 1, set_precision("fp8"), CPU)


@pytest.mark.parametrize(("dtype", "have", "fails"), [(FP8, (8, 6), True), (FP8, (8, 9), False), (INT8, (7, 5), True)])
def test_a_card_that_is_too_old_says_so(dtype, have, fails, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: have)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA A10")
    cuda = torch.device("cuda", 0)
    if not fails:
        quantized.require_support(dtype, cuda)
        return
    with pytest.raises(BackendError, match=f"needs CUDA compute capability .*, but NVIDIA A10 has {have[0]}.{have[1]}"):
        quantized.require_support(dtype, cuda)


def test_sizes_the_kernels_cannot_take_say_so():
    with pytest.raises(BackendError, match="fp8 needs layer sizes that are multiples of 16, but got 24 x 32"):
        quantized.QuantizedLinear(nn.Linear(24, 32), FP8, CPU)
    with pytest.raises(BackendError, match="int8 needs layer sizes that are multiples of 8, but got 64 x 30"):
        quantized.QuantizedLinear(nn.Linear(64, 30), INT8, CPU)


def test_too_few_tokens_for_int8_say_so():
    class OnCard:
        is_cuda = True

        def numel(self):
            return 16

    batch = batches.Batch(OnCard(), None, None, None, None, None, max_seqlen=16, rows=1)
    model = cut(tiny.model(), 1, INT8, CPU)
    with pytest.raises(BackendError, match=r"int8 on CUDA needs at least 17 tokens per batch .*, but a batch has 16"):
        quantized.check_batches(model, [batch])
    quantized.check_batches(cut(tiny.model(), 1, torch.bfloat16, CPU), [batch])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, INT8])
def test_the_reference_multiplies_the_same_matrices(dtype):
    out = matmul(dtype, CPU, size=32)().float()
    generator = torch.Generator(CPU).manual_seed(0)
    a, b = (torch.randn(32, 32, generator=generator) for _ in range(2))
    if dtype == INT8:
        a, b = (quantized.quantize_rows(x, INT8)[0] for x in (a, b))
        torch.testing.assert_close(out, (a.float() @ b.float().t()), rtol=0, atol=0)
    else:
        torch.testing.assert_close(out, a @ b, rtol=0.02, atol=0.1)

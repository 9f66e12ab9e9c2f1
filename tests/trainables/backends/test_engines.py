"""Engines of others give plain Transformers' answers for every padding, and refuse what they do not compute."""

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from search_spaces import engines
from search_spaces.backends import BACKENDS
from tests.make import models as tiny
from tests.make.passes import CPU, all_logits
from trainables import backends, batches
from trainables.backends import traced
from trainables.backends.engine import lacking, require
from trainables.batches import take
from trainables.device import BackendError, set_precision
from trainables.model.architectures import ARCHITECTURES
from trainables.model.cut import cut

LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11]
PADDINGS = ("max_length", "longest", "packed")
ENGINES = [name for name, backend in BACKENDS.items() if backend.engine is not None]
# Largest error in the logits, of their range. In 8 bits eager's own is 1 % here.
BOUNDS = {"fp32": 2e-6, "bf16": 0.02, "int8": 0.04}

each_engine = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(
            name, marks=pytest.mark.skipif(not importlib.util.find_spec(name), reason=f"{name} is not installed")
        )
        for name in ENGINES
    ],
)


def plain(model, inputs):
    """Transformers' own logits, each input by itself, without a mask."""
    rows = [take(inputs, np.array([i])).ids.values.astype(np.int64) for i in range(len(inputs.ids))]
    with torch.inference_mode():
        return np.concatenate([model(input_ids=torch.from_numpy(row)[None]).logits.numpy() for row in rows])


def compare(engine, precision, padding, rng, model_type="bert"):
    layers = "n_layers" if model_type == "distilbert" else "num_hidden_layers"
    master = tiny.model(model_type, **{layers: 2})
    inputs = tiny.inputs(LENGTHS, rng, master.config.pad_token_id)
    model = cut(master, 2, set_precision(precision), CPU)
    expected = plain(master, inputs)
    found = all_logits(model, inputs, padding, engine)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=BOUNDS[precision] * np.ptp(expected))


@each_engine
@pytest.mark.parametrize("padding", PADDINGS)
def test_in_fp32_the_logits_are_those_of_plain_transformers(engine, padding, rng):
    compare(engine, "fp32", padding, rng)


@each_engine
@pytest.mark.parametrize("padding", [pytest.param("longest", marks=pytest.mark.slow), "packed"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_in_fewer_bits_they_are_within_a_stated_bound(engine, precision, padding, rng):
    if BACKENDS[engine].engine.refuses(precision, padding, "cpu"):
        pytest.skip(f"{engine} has no {precision}")
    try:
        require(engine, precision, CPU)
    except BackendError as error:
        pytest.skip(str(error))
    compare(engine, precision, padding, rng)


@pytest.mark.slow
@each_engine
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_so_they_are_for_every_architecture(engine, model_type, padding, rng):
    if padding == "packed" and ARCHITECTURES[model_type].sliding_windows:
        pytest.skip("packed attention has no sliding windows")
    compare(engine, "fp32", padding, rng, model_type)


@pytest.mark.slow
@each_engine
@pytest.mark.parametrize("padding", ["longest", "packed"])
def test_spans_have_two_logits_per_token(engine, padding, rng):
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(0)
    master = AutoModelForQuestionAnswering.from_config(tiny.config()).eval()
    inputs = tiny.inputs(LENGTHS, rng)
    made = [cut(master, 2, torch.float32, CPU) for _ in range(2)]
    eager, found = (
        all_logits(model, inputs, padding, backend, classify=False)
        for model, backend in zip(made, ("eager", engine), strict=True)
    )
    assert found.shape == (len(LENGTHS), 16, 2)
    real = np.arange(16) < np.array(LENGTHS)[:, None]  # what is computed of padding means nothing
    np.testing.assert_allclose(found[real], eager[real], atol=1e-5)


def staged(inputs, padding="longest"):
    return batches.stage(inputs, batches.plan(inputs.ids.lengths, 4, 16, padding), CPU)


@each_engine
def test_a_model_is_traced_once_and_outputs_stay(engine, rng, monkeypatch):
    model, made = cut(tiny.model(), 1, torch.float32, CPU), staged(tiny.inputs(LENGTHS, rng))
    with torch.inference_mode():
        run = backends.build(engine, model, made)
        first = run(0)
        kept = first.clone()
        for i in range(len(made)):
            run(i)
        assert torch.equal(first, kept), "a later batch must not be written where these are"
        monkeypatch.setattr(traced, "Traced", lambda *_: pytest.fail("traced again"))
        assert torch.equal(backends.build(engine, model, made[:1])(0), kept)


@each_engine
def test_a_model_that_cannot_be_traced_is_named(engine, rng, monkeypatch):
    model = cut(tiny.model(), 1, torch.float32, CPU)

    def forward(*_, **__):
        raise RuntimeError("an operator that no engine has\nand a page about it")

    monkeypatch.setattr(model, "forward", forward)
    said = rf"{engine} needs a model that .* but bert cannot be \(an operator that no engine has\); use eager"
    with pytest.raises(BackendError, match=said):
        backends.build(engine, model, staged(tiny.inputs(LENGTHS, rng)))


@each_engine
def test_a_constant_of_the_example_is_found(engine, rng, monkeypatch):
    """A traced number, here the width of the traced batch, would silently be wrong for any other."""
    model = cut(tiny.model(), 1, torch.float32, CPU)
    forward = traced.Traced.forward
    monkeypatch.setattr(
        traced.Traced, "forward", lambda self, *tensors: forward(self, *tensors) * int(tensors[0].shape[1])
    )
    with pytest.raises(BackendError, match=f"{engine} must compute what PyTorch does, but of bert its logits differ"):
        backends.build(engine, model, staged(tiny.inputs(LENGTHS, rng)))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_absent_package_is_a_line_with_its_command(engine, monkeypatch, rng):
    known = BACKENDS[engine].engine

    def installed(found):
        monkeypatch.setattr(engines, "_version", lambda name: {"onnx": "1.23.2"}.get(name, found))
        return lacking(engine, CPU)

    wanted = f"{engine} needs the package {engine} {known.least} or newer, but"
    command = f"pip install 'jouletune[{engine}]'"
    assert installed(None) == f"{wanted} it is not installed; {command}"
    assert installed("0.9") == f"{wanted} 0.9 is installed; {command}"
    with pytest.raises(BackendError, match=r"0\.9 is installed; pip install"):
        backends.build(engine, cut(tiny.model(), 1, torch.float32, CPU), staged(tiny.inputs(LENGTHS, rng)))
    monkeypatch.setattr(engines, "_version", lambda name: None if name == "onnx" else "2099.1")
    assert lacking(engine, CPU) == f"{engine} needs the package onnx 1.18 or newer, but it is not installed; {command}"


def test_a_cpu_build_on_a_gpu_is_told_what_to_install(monkeypatch):
    cuda = torch.device("cuda", 0)
    monkeypatch.setattr(engines, "_version", lambda name: None if name == "onnxruntime-gpu" else "2099.1")
    assert lacking("onnxruntime", cuda) == (
        "onnxruntime needs the package onnxruntime-gpu 1.30 or newer, but it is not installed; "
        "pip uninstall onnxruntime, then pip install onnxruntime-gpu onnx"
    )
    fake = ModuleType("onnxruntime")
    fake.get_available_providers = lambda: ["CPUExecutionProvider"]
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.delitem(sys.modules, "trainables.backends.onnxruntime", raising=False)
    monkeypatch.setattr(engines, "_version", lambda _: "2099.1")
    assert "its CUDA provider on this device, but it is built without it" in lacking("onnxruntime", cuda)
    monkeypatch.delitem(sys.modules, "trainables.backends.onnxruntime")


@pytest.mark.parametrize(
    ("engine", "precision", "padding", "device", "said"),
    [
        ("onnxruntime", "bf16", "longest", "cpu", "onnxruntime computes in fp32, int8 on a CPU, not in bf16"),
        ("onnxruntime", "int8", "longest", "cuda", "onnxruntime computes in fp32, fp16 on CUDA, not in int8"),
        ("onnxruntime", "fp16", "packed", "cuda", "takes no packed batches on CUDA; use padding longest"),
        ("openvino", "fp16", "longest", "cpu", "openvino computes in fp32, bf16, int8 on a CPU, not in fp16"),
        ("openvino", "fp32", "longest", "cuda", "openvino needs a CPU"),
        ("onnxruntime", "fp16", "longest", "cuda", None),
        ("openvino", "bf16", "packed", "cpu", None),
    ],
)
def test_what_an_engine_does_not_compute(engine, precision, padding, device, said):
    found = BACKENDS[engine].engine.refuses(precision, padding, device)
    assert found is None if said is None else said in found


@each_engine
def test_another_precision_than_asked_for_is_never_run(engine, rng):
    model = cut(tiny.model(), 1, set_precision("fp16"), CPU)
    with pytest.raises(BackendError, match="on a CPU, not in fp16"):
        backends.build(engine, model, staged(tiny.inputs(LENGTHS, rng)))
    model = cut(tiny.model(), 1, set_precision("tf32"), CPU)
    with pytest.raises(BackendError, match="on a CPU, not in tf32"):
        backends.build(engine, model, staged(tiny.inputs(LENGTHS, rng)))
    set_precision("fp32")

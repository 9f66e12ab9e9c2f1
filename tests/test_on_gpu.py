"""What only a GPU can show: each precision, padding and backend there agrees with fp32 on the CPU.

python -m pytest tests/test_on_gpu.py -s -W default     # prints the errors and some times
"""

import gc
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks.lib.graph_time import microseconds
from serving.make_export import export
from serving.predictor import Predictor
from serving.run_folder import find
from tests.make import models as tiny
from tests.make.exports import check_answers
from tests.make.measured_run import demo_case, measured_run, trial_of
from tests.make.passes import all_logits
from trainables.device import set_precision
from trainables.matmul_reference import matmul
from trainables.model import loading, quantized
from trainables.model.attention.position_bias import bias_of_distance
from trainables.model.attention.sequences import distances
from trainables.model.cut import cut

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
BATCH = 20
LENGTHS = [3, 16, 9, 9, 4, 12, 7, 16, 5, 3, 11, 16, 2, 14, 8, 8, 6, 10, 13, 3] * 4
# Largest logit error over the logits' range, on a random 3-layer model that sums errors up.
TOLERANCE = {"fp32": 5e-5, "tf32": 5e-3, "bf16": 0.06, "fp16": 0.01, "int8": 0.15, "fp8": 0.5}
SIZES = {"hidden_size": 128, "intermediate_size": 256}  # heads of 32, sizes that fp8 takes


@pytest.mark.parametrize("backend", ["eager", "cuda_graph", "compile", "compile_cuda_graph"])
@pytest.mark.parametrize("precision", list(TOLERANCE))
@pytest.mark.parametrize("architecture", ["bert", "mpnet"])
def test_agrees_with_fp32_on_the_cpu(architecture, precision, backend, rng):
    master = tiny.model(architecture, **SIZES)
    inputs = tiny.inputs(LENGTHS, rng, master.config.pad_token_id)
    exact = all_logits(cut(master, 3, torch.float32, CPU), inputs, "max_length", batch_size=BATCH)
    for padding in ("max_length", "longest", "packed"):
        model = cut(master, 3, set_precision(precision), CUDA)
        error = np.abs(all_logits(model, inputs, padding, backend, BATCH) - exact).max() / np.ptp(exact)
        print(f"{architecture:5} {precision:5} {backend:18} {padding:10} error {error:.2e}")
        assert error < TOLERANCE[precision]


@pytest.mark.parametrize("backend", ["eager", "cuda_graph", "compile", "compile_cuda_graph"])
@pytest.mark.parametrize("padding", ["max_length", "longest", "packed"])
def test_an_export_answers_what_its_trial_answered(padding, backend, tmp_path):
    case = demo_case()
    trial = trial_of(case, precision="bf16", padding=padding, backend=backend)
    run = measured_run(tmp_path / "run", case, [trial])
    check_answers(run, trial.trial_id, tmp_path / "deployed")


def test_predictors_of_one_process_leave_each_others_graphs_alone(tmp_path):
    case = demo_case()
    trials = [trial_of(case, precision=p, padding="packed", backend="compile_cuda_graph") for p in ("fp16", "bf16")]
    run = measured_run(tmp_path / "run", case, trials)
    folders = [tmp_path / "one", tmp_path / "other"]
    for trial, folder in zip(trials, folders, strict=True):
        export(find(run, trial.trial_id), folder)
    texts = ["the soup was tasty .", "the room was cold ."] * 40
    one = Predictor.load(folders[0])
    before = one.outputs(texts)
    other = Predictor.load(folders[1])
    gc.collect()
    for _ in range(3):
        other.outputs(texts)
        np.testing.assert_array_equal(one.outputs(texts), before)


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn])
@pytest.mark.parametrize("tokens", [17, 218, 1000, 5456])
def test_an_8_bit_layer_is_the_same_as_on_the_cpu(dtype, tokens):
    torch.manual_seed(0)
    linear = torch.nn.Linear(768, 3072)
    x = torch.randn(tokens, 768).bfloat16()
    with torch.inference_mode():
        there = quantized.QuantizedLinear(linear, dtype, CUDA)(x.to(CUDA)).cpu().float()
        exact = linear(x.float())
    assert float((there - exact).square().mean().sqrt() / exact.square().mean().sqrt()) < 0.045


@pytest.mark.parametrize(("heads", "head_dim"), [(12, 64), (12, 32)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_attention_equals_flash_attention(heads, head_dim, dtype, rng):
    from torch.nn.attention.varlen import varlen_attn

    from trainables.model.attention.short import attend

    lengths = rng.integers(3, 56, 218)
    lengths[5] = 0
    ends = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32, device=CUDA)
    q, k, v = (torch.randn(int(ends[-1]), heads * head_dim, device=CUDA).to(dtype) for _ in range(3))
    longest = int(lengths.max())

    def ours():
        return attend(q, k, v, ends, longest, heads, head_dim**-0.5)

    def flash():
        split = (t.view(-1, heads, head_dim) for t in (q, k, v))
        return varlen_attn(*split, ends, ends, longest, longest, scale=head_dim**-0.5)

    torch.testing.assert_close(ours(), flash().view_as(q), atol=2e-3 if dtype == torch.float16 else 2e-2, rtol=0.02)
    print(f"{dtype} {heads}x{head_dim}: ours {microseconds(ours):.1f} us, flash {microseconds(flash):.1f} us")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("longest", [56, 128, 384])
def test_biased_attention_equals_the_same_in_fp32(longest, dtype, rng):
    """Beside it the times without a bias, ours up to 128 tokens and flash attention beyond, and of the padded way."""
    from trainables.model.attention import REACH
    from trainables.model.attention.sequences import Packing, _padded, attend_within

    lengths = [longest, 0, *rng.integers(3, longest, 100)]
    ends = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32, device=CUDA)
    packing = Packing(ends, longest)
    q, k, v = (torch.randn(1, int(ends[-1]), 12, 64, device=CUDA).to(dtype).transpose(1, 2) for _ in range(3))
    table = torch.randn(12, 2 * REACH + 1, device=CUDA).to(dtype)
    exact = _padded(q.float(), k.float(), v.float(), packing, None, table.float())
    found = attend_within(q, k, v, packing, None, table)
    torch.testing.assert_close(found.float(), exact, atol=2e-3 if dtype == torch.float16 else 2e-2, rtol=0.02)
    ways = (attend_within, attend_within, _padded)
    times = [
        microseconds(partial(way, q, k, v, packing, None, t)) for way, t in zip(ways, (table, None, table), strict=True)
    ]
    print(
        f"{dtype} up to {longest}: biased {times[0]:.1f} us, without bias {times[1]:.1f} us, padded {times[2]:.1f} us"
    )


def test_the_bias_of_each_distance_is_the_same_on_both():
    encoder = tiny.model("mpnet").base_model.encoder
    table = bias_of_distance(encoder)
    there = encoder.to(CUDA)
    torch.testing.assert_close(bias_of_distance(there).cpu(), table, atol=0, rtol=0)
    expected = there.compute_position_bias(torch.zeros(1, 400, 1, device=CUDA))[0]
    torch.testing.assert_close(table.to(CUDA)[:, distances(400, CUDA)], expected, atol=0, rtol=0)


def test_a_captured_step_of_mpnet_is_the_step(rng):
    """Fine-tuning: a graph's losses are those of the same steps without one."""
    from trainables.finetune.train_step import TrainStep

    inputs = tiny.inputs(LENGTHS, rng, 1)
    labels = rng.integers(0, 2, len(LENGTHS))

    def losses(captured):
        model = tiny.model("mpnet", **SIZES).to(CUDA)
        rate = torch.tensor(1e-3, device=CUDA)
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, fused=True, capturable=True)
        step = TrainStep(model, optimizer, inputs, {"labels": labels}, CUDA)
        found = []
        for _ in range(12):
            if not captured:
                step.forget()  # the first step of a shape is no graph
            found.append(float(step(np.arange(20))))
        return found

    plain, graph = losses(False), losses(True)
    assert plain == pytest.approx(graph, rel=0.05, abs=0.01)
    assert graph[-1] < 0.7 * graph[0]


def test_the_references_run_and_fp8_is_the_fastest():
    times = {p: microseconds(matmul(set_precision(p), CUDA, 4096), 20) for p in ("tf32", "bf16", "fp16", "int8", "fp8")}
    print({p: f"{2 * 4096**3 / t / 1e6:.0f} TFLOP/s" for p, t in times.items()})
    assert times["fp8"] < times["fp16"] < times["tf32"]


def test_peak_memory_does_not_depend_on_the_order_of_trials(monkeypatch):
    from search_spaces.sweep_config import Measuring
    from search_spaces.trial_config import TrialConfig
    from tests.make.meter import ConstantMeter
    from tests.make.worker import DIGESTS
    from trainables import worker as worker_module
    from trainables.measure import measure_trial
    from trainables.tasks import get_task
    from trainables.worker import MeasuringData, Worker

    monkeypatch.setattr(worker_module, "meter_of", lambda *a, **k: ConstantMeter(10.0))
    monkeypatch.setattr(Worker, "due_anchor", lambda self, seed: None)
    monkeypatch.setattr(Worker, "reference_pj_per_flop", lambda self, precision: None)
    task = get_task("demo")
    tokenized = task.tokenize(task.load("validation", None, 200), loading.load_tokenizer("demo-bert"))
    settings = Measuring(warmup_s=0.05, min_window_s=0.05, min_windows=2, min_total_s=0.1, max_measure_s=0.1)
    files = loading.load_pretrained("demo-bert", task.head, ("negative", "positive"), seed=1)

    def peaks(order):
        worker = Worker(MeasuringData("demo", tokenized, True, settings, 80, {1: DIGESTS}), {1: lambda: files}, cpus=1)
        return {t: measure_trial(t, worker)["peak_gpu_memory_mib"] for t in order}

    trials = [
        TrialConfig("demo", "demo-bert", 1, 64, 4, "fp32", batch_size=200),
        TrialConfig("demo", "demo-bert", 1, 16, 1, "fp16", batch_size=8),
        TrialConfig("demo", "demo-bert", 1, 48, 2, "fp16", batch_size=64, backend="cuda_graph"),
        TrialConfig("demo", "demo-bert", 1, 48, 2, "bf16", batch_size=64, padding="packed", backend="cuda_graph"),
    ]  # fmt: skip
    forward, backward = peaks(trials), peaks(trials[::-1])
    print({t.trial_id: round(mib, 2) for t, mib in forward.items()})
    assert forward == pytest.approx(backward, rel=1e-3)
    assert len({round(mib, 1) for mib in forward.values()}) == 4  # each its own

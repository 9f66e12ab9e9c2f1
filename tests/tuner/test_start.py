"""What is refused before Ray starts, and before a folder is made."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.errors import UsageError
from search_spaces.presets import DEMO
from search_spaces.sweep_config import Axes, MeasuringOptions
from tuner import sweep
from tuner.cluster.options import RayOptions
from tuner.grid import main
from tuner.plan import cannot_run_here, plan
from tuner.run.environment import describe
from tuner.run.folder import ENVIRONMENT_FILE, RunFolder, check_new
from tuner.search.command import main as search
from tuner.start import check_cores, check_resumed

HERE = RayOptions()


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("Ray was started"))


def many_threads() -> MeasuringOptions:
    return replace(DEMO.measuring, cpu_threads=999)


def test_more_threads_than_cores(tmp_path: Path) -> None:
    config = replace(DEMO, measuring=many_threads())
    with pytest.raises(UsageError, match=r"--cpu-threads must be at most \d+, the cores of .*, but got 999"):
        sweep.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_cores(config, RayOptions(address="auto"))  # a cluster's are known when it is joined


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (RayOptions(address="127.0.0.1:1"), "a Ray must answer at --address"),
        (RayOptions(metrics_port=80), "metrics_port must be between"),
        (RayOptions(address="127.0.0.1:1", metrics_port=9123), "only where Ray is started"),
    ],
)
def test_a_ray_that_cannot_be_had_leaves_no_folder(tmp_path: Path, options: RayOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sweep.run(DEMO, tmp_path / "run", ray_options=options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [main, search])
def test_an_occupied_folder_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: object
) -> None:
    (tmp_path / "thesis.tex").touch()
    monkeypatch.setattr("tuner.plan.plan", lambda *_: pytest.fail("the model was read"))
    monkeypatch.setattr("tuner.inputs.load_inputs", lambda *_: pytest.fail("data were read"))
    with pytest.raises(UsageError, match="must be new or empty"):
        command(["--output-dir", str(tmp_path)])  # type: ignore[operator]


@pytest.mark.parametrize("below", ["run", "a/b/run"])
def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    check_new(tmp_path / below, False)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)  # root may write everywhere
    with pytest.raises(UsageError, match=r"must be one that can be written, but .*run: .* cannot be written"):
        check_new(tmp_path / below, False)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_turns_out_not_to_be_writable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (Path("/proc/nowhere/run"), tmp_path / "file" / "run", tmp_path / ("a" * 300)):
        with pytest.raises(UsageError, match="must be one that can be written"):
            RunFolder.create(place)


def earlier(run: Path, **changed: object) -> Path:
    """A run of DEMO that was started here, but for what is `changed` in its environment."""
    folder = RunFolder.create(run)
    folder.begin(DEMO)
    folder.close()
    (run / ENVIRONMENT_FILE).write_text(json.dumps(describe(DEMO) | changed))
    return run


def test_another_processor_is_refused_before_ray_starts(tmp_path: Path) -> None:
    check_resumed(earlier(tmp_path / "same"), DEMO, HERE, False)
    run = earlier(tmp_path / "run", cpu="Zilog Z80", gpus=[])
    with pytest.raises(UsageError, match=r"the processor was Zilog Z80 and is .*--resume-anyway"):
        sweep.run(DEMO, run, resume=True)
    with pytest.raises(UsageError, match="the processor was Zilog Z80"):
        main(["--resume", str(run), "--dry-run"])
    check_resumed(run, DEMO, HERE, True)
    check_resumed(run, DEMO, RayOptions(address="127.0.0.1:6379"), False)  # compared once it is joined


@pytest.mark.parametrize("role", ["model", "checkpoint"])
def test_a_models_folder_that_is_gone_is_not_asked_of_the_hub(tmp_path: Path, role: str) -> None:
    run = earlier(tmp_path / "run", digests={f"{role}/config.json": "0" * 64})
    config = replace(DEMO, **{role: "models/encoder"})  # looks like a hub id
    with pytest.raises(UsageError, match=f"the {role} it was started with, the folder models/encoder, but there is no"):
        check_resumed(run, config, HERE, False)


def test_a_dry_run_reads_what_the_run_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train.tsv", "dev.tsv"):
        (tmp_path / name).write_text("sentence\tlabel\ngood\t1\nbad\tmaybe\n")
    with pytest.raises(UsageError, match=r"tsv|label"):
        main(["--task", "sst2", "--data-dir", str(tmp_path), "--dry-run"])
    short = ["--max-seq-len", "16", "--depth", "1", "--precision", "fp32"]
    assert main(["--dry-run", *short, "--backend", "eager", "cuda_graph", "--no-confirm"]) == 0
    eager, graph, total = sorted(capsys.readouterr().out.splitlines(), key=lambda line: ("trials" in line, line[-1]))
    assert {eager.endswith("cannot run here: cuda_graph needs a CUDA device"), " " in graph} == {True, False}
    assert "1 of them cannot run on this machine and would fail; nothing was run" in total
    main(["--dry-run", *short, "--backend", "cuda_graph", "--address", "10.0.0.1:6379"])
    assert "cannot run" not in capsys.readouterr().out, "another machine may have a GPU"


def test_an_engine_that_is_not_installed_is_a_line_before_any_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("search_spaces.engines._version", lambda _: None)
    given = ["--max-seq-len", "16", "--depth", "1", "--backend", "eager", "onnxruntime", "--no-confirm"]
    said = "onnxruntime needs the package onnxruntime .* not installed; pip install 'jouletune\\[onnxruntime\\]'"
    for command in (main, search):
        with pytest.raises(UsageError, match=said):
            command([*given, "--precision", "fp32", "--output-dir", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()
    assert main([*given, "--precision", "fp32", "bf16", "--dry-run"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("loading PyTorch")]
    assert told[0] == "precision bf16 is left out for onnxruntime, which has fp32, int8, fp16"
    assert len(told) == 1 + 3 + 1
    assert [line for line in told if "cannot run here: onnxruntime needs the package" in line and "fp32" in line]
    with pytest.raises(UsageError, match="precision must have one that onnxruntime computes in"):
        main([*given[:4], "--backend", "onnxruntime", "--precision", "bf16", "--dry-run"])


def test_what_a_processor_cannot_run() -> None:
    axes = Axes(max_seq_len=(16,), depth=(1,), precision=("fp32", "int8", "fp8"), backend=("eager", "compile"))
    cannot = cannot_run_here(plan(replace(DEMO, axes=axes)).trials)
    assert len(cannot) == 2
    assert all("fp8" in name and "fp8 needs a CUDA device" in why for name, why in cannot.items())


def test_an_environment_that_only_the_storage_has_is_fetched_before_it_is_missed(tmp_path: Path) -> None:
    run = earlier(tmp_path / "run")
    (run / "ray" / "finetune-0" / "finetune-demo").mkdir(parents=True)
    (run / ENVIRONMENT_FILE).unlink()
    with pytest.raises(UsageError, match=r"environment\.json is missing"):
        check_resumed(run, DEMO, HERE, False)
    check_resumed(run, DEMO, replace(HERE, storage_path=str(tmp_path / "shared")), False)

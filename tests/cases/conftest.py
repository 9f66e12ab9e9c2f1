"""The inputs of ../shared/cases: how each failed is in its README, how it ends now in these tests."""

import contextlib
import io
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from trainables.model import loading
from trainables.tasks.demo import demo_model
from tuner import grid, sweep
from tuner.cli import run_command

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
WRONG = 10  # every tenth sentence: what the demo model below gets wrong
# What the READMEs' commands have in common.
OPTIONS = shlex.split(
    "--preset sst2 --max-seq-len 32 --depth full --precision fp32 --energy-examples 50 "
    "--warmup-s 0.1 --min-window-s 0.1 --min-windows 2 --min-total-s 0.2 --max-measure-s 0.5"
)


@pytest.fixture(scope="session")
def cases() -> Path:
    folder = SHARED / "cases"
    if not folder.is_dir():
        pytest.skip(f"no inputs at {folder}")
    return folder


def run_script(script: Path, *arguments: str) -> str:
    """Run one of the scripts in this process; what it printed."""
    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", [str(script), *arguments]),
        mock.patch.object(sys, "path", [*sys.path]),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),  # bars
    ):
        runpy.run_path(str(script))
    return printed.getvalue()


@pytest.fixture(scope="session")
def models(cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make_models.py makes of a demo model: a folder for each variant, and `data`.

    The model is not trained; instead the sentences of `data` have the labels that it gives, but for every tenth.
    """
    folder = tmp_path_factory.mktemp("models")
    config, tokenizer = demo_model()
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.2)
    loading.save(model, folder / "demo")
    tokenizer.save_pretrained(folder / "demo")
    run_script(cases / "make_models.py", str(ROOT), str(folder / "demo"), str(folder))
    for name in ("train.tsv", "dev.tsv"):
        _relabel(folder / "data" / name, answers(folder / "demo", sentences(folder / "data" / name)))
    return folder


def sentences(file: Path) -> list[str]:
    return [line.split("\t")[0] for line in file.read_text().splitlines()[1:]]


def answers(folder: Path, texts: list[str]) -> list[int]:
    """The numbers of the classes that plain Transformers gives."""
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, truncation=True, max_length=32, padding=True, return_tensors="pt")
    with torch.inference_mode():
        found: list[int] = model.eval()(**batch).logits.argmax(dim=1).tolist()
    return found


def _relabel(file: Path, labels: list[int]) -> None:
    assert set(labels) == {0, 1}
    lines = [
        f"{text}\t{label ^ (i % WRONG == 0)}\n"
        for i, (text, label) in enumerate(zip(sentences(file), labels, strict=True))
    ]
    file.write_text("sentence\tlabel\n" + "".join(lines))


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Runs `tuner.grid` with arguments that must be refused before Ray starts; its one line."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sweep, "ray_session", lambda options: pytest.fail("Ray would have been started"))
        output = tmp_path / "run"
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: grid.main([*map(str, arguments), "--output-dir", str(output)]))
        line = capsys.readouterr().err
        assert ended.value.code == 2, line
        assert line.startswith("error: ")
        assert len(line.strip().splitlines()) == 1
        assert not output.exists()
        return line

    return run

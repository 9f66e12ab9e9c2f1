"""docs/deploy.md: its commands and its Python run as they stand, on a run that the demo's folder is."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from analysis.report.build import build_report
from serving import benchmark, export, predict
from tests.make.measured_run import demo_case, measured_run, trial_of
from tests.make.sketches import sketched
from trainables.rows.file import ROW_FILE, seal, unseal
from trainables.tasks.squad import MAX_QUESTION_TOKENS

pytestmark = pytest.mark.seconds

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
TEXTS = ["the soup was tasty .", "the room was cold ."]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/make-demo, in which packed needs a fifth of the baseline's energy, and texts.txt."""
    folder = tmp_path_factory.mktemp("deploy")
    case = demo_case(400)
    base, packed = trial_of(case, padding="max_length"), trial_of(case, padding="packed")
    run = measured_run(folder / "runs" / "make-demo", case, [base, packed])
    for trial, energy in ((base, 0.1), (packed, 0.02)):
        file = run / "ray" / "measure-0" / trial.trial_id / ROW_FILE
        file.write_text(seal(unseal(file.read_text()) | {"energy_j_per_example": energy, "flags": ""}))
    with sketched():
        build_report([run], bootstrap=False)
    (folder / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    return folder


def test_the_commands_and_the_python_run_as_they_stand(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: what a shell would add is tested once below."""
    monkeypatch.chdir(demo)
    monkeypatch.setattr(benchmark, "SECONDS", 0.2)
    mains = {"serving.export": export.main, "serving.predict": predict.main}
    commands = [shlex.split(line, comments=True) for line in block("sh").splitlines() if "serving." in line]
    assert len(commands) == 5
    for _, _, module, *arguments in commands:
        files = {sign: arguments[arguments.index(sign) + 1] for sign in "<>" if sign in arguments}
        plain = [a for a in arguments if a not in ("<", ">", *files.values())]
        with contextlib.ExitStack() as redirected:
            if "<" in files:
                given = io.TextIOWrapper(io.BytesIO(Path(files["<"]).read_bytes()))
                redirected.enter_context(pytest.MonkeyPatch.context()).setattr(sys, "stdin", given)
            if ">" in files:
                out = redirected.enter_context(Path(files[">"]).open("w", encoding="utf-8"))
                redirected.enter_context(contextlib.redirect_stdout(out))
            assert mains[module](plain) == 0
    assert "examples/s" in capsys.readouterr().out
    labels = [line.split("\t")[0] for line in Path("labels.tsv").read_text().splitlines()]
    assert set(labels) <= {"negative", "positive"}
    assert [json.loads(line)["label"] for line in Path("labels.jsonl").read_text().splitlines()] == labels
    space: dict[str, object] = {}
    exec(block("python"), space)  # noqa: S102 (our own page)
    assert capsys.readouterr().out.split()[::2] == labels
    assert "It uses 5 times less energy than" in Path("deployed/README.md").read_text()


@pytest.mark.slow
def test_a_shell_runs_them_too(demo: Path, tmp_path: Path) -> None:
    lines = [line for line in block("sh").splitlines() if not line.startswith("make") and "--benchmark" not in line]
    script = "set -e\n" + "\n".join(lines).replace("python -m", f"{shlex.quote(sys.executable)} -m")
    script = script.replace("runs/make-demo", str(demo / "runs" / "make-demo"))
    known = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, env=known)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "labels.tsv").read_text().splitlines()) == len(TEXTS)


def test_its_numbers_are_the_codes() -> None:
    assert f"a question of more than {MAX_QUESTION_TOKENS} tokens is cut" in PAGE


def test_settings_and_metrics_of_the_http_server_are_documented_as_they_are() -> None:
    from serving.app import METRICS
    from serving.requests import Settings

    table = PAGE[PAGE.index("| setting (") : PAGE.index("| status | why |")]
    assert set(re.findall(r"`(\w+)`[,| ]", table.replace("`threads` are", ""))) - {"gpus=0"} == {
        field.name for field in fields(Settings)
    }
    for name, meaning in METRICS.items():
        assert re.search(rf"\| `ray_{name}(_total)?` \| {re.escape(meaning)}", PAGE), name
    for number in (Settings.max_body_bytes, Settings.max_characters, Settings.max_texts, Settings.queued):
        assert re.search(rf"\b{number:,}\b|\b{number}\b", table)


def test_the_image_starts_the_documented_server() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    (entry,) = (line for line in lines if line.startswith("ENTRYPOINT"))
    assert json.loads(entry.removeprefix("ENTRYPOINT ")) == ["serve", "run", "serving.app:build", "dir=/export"]
    copied = {line.split()[1] for line in lines if re.fullmatch(r"COPY (\w+) \1", line)}
    assert copied == {"search_spaces", "trainables", "serving"}, "what serving imports"
    assert all((ROOT / name).is_dir() for name in copied)

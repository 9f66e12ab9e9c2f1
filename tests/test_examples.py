"""The examples run as they are shown, on what the repository ships and on a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.make import runs as fabricated

ROOT = Path(__file__).resolve().parent.parent


def output(*arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "analyse_rows.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.seconds
def test_the_published_rows() -> None:
    text = output()
    assert "16 of 16 trials have a valid energy" in text
    assert "fp16, 48 tokens uses 11x less energy than fp32, 128 tokens" in text
    assert (
        "fp16, 40 tokens is cheaper than fp16, 48 tokens (the baseline over it: 12.2x, one trial) and would pass alone"
        in text
    )
    assert "precision: fp32 -> fp16 saves 3.68x" in text
    assert "fp32, 112 tokens" in text
    assert "sst2, fp32 at 128 -> fp16 at 48 tokens: 28x claimed, 11.8x in the rows: does not hold" in text
    assert "nan" not in text.lower()


@pytest.mark.seconds
def test_a_run_on_two_cards(tmp_path: Path) -> None:
    rows = fabricated.table(lengths=(48, 64, 128), depths=(10, 12))
    rows.loc[::2, "gpu_uuid"] = fabricated.card_uuid(1)
    run = fabricated.write_csv_run(tmp_path / "run", rows)
    fabricated.anchors(cards=2).to_csv(run / "anchors.csv", index=False)
    text = output(str(run))
    assert "12 of 12 trials have a valid energy" in text
    assert "E = a + b * depth * tokens" in text

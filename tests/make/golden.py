"""What the report says of known runs, kept: the numbers in tests/data/golden, the words wherever you like.

python -m tests.make.golden --record                     the numbers of this code, into tests/data/golden
python -m tests.make.golden --compare                    what differs from them, a line each (exit code 1)
python -m tests.make.golden --record --words --dir A     the words: report.md, report.html, the summary
python -m tests.make.golden --compare --words --dir A    a diff of this code's words with those in A

For a change that must not change what is found: record the words before it, compare after it, read every line. Words
are not committed, since a better sentence is no fault; a number that moved is one until it is explained.
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

# All that this needs of the project, in one place.
from analysis.report.build import build_report
from analysis.report.report import Report
from analysis.report.summary import summary
from tests.make import runs as fabricated

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests" / "data" / "golden"
WIDTH = 100

DEMO = "demo"
# A grid over two cards with an energy model; random weights, packed and graphed; three seeds; several inputs per
# example.
PUBLISHED = {
    "sst2": "2026-11-24-h100-sst2-minilm",
    "random-weights": "2026-11-27-h200-sst2-frontier-bert-base-random",
    "seeds": "2026-11-27-h200-sst2-seeds",
    "squad": "2026-11-27-h200-squad-minilm",
}
RUNS = (DEMO, *PUBLISHED)
# Front probabilities are half of a large run's time, so one run draws them when numbers are kept: one with few rows, of
# which many are neither 0 nor 1 (in the demo all are, whatever is drawn).
BOOTSTRAPPED = ("seeds",)

# Kept to 7 digits, which is 5e-7 at worst, and compared with twice that: room for another machine's rounding in sums
# and least squares (1e-10 as seen), and none for another formula. ABSOLUTE is for differences that are zero but for it.
DIGITS, RELATIVE, ABSOLUTE = 7, 1e-6, 1e-12

# Of energy_model.json: sentences are words; lists of points are kept as how many and the sums of their sizes.
_WORDS = {"formula", "meaning", "reason", "regime", "sentence", "sentences", "warnings", "not_made"}
_POINTS = {"residuals", "pairs", "measured"}


def report_of(name: str, folder: Path, bootstrap: bool) -> Report:
    """The report of one of RUNS, in a folder of its own under `folder`."""
    if name == DEMO:
        rows = fabricated.table(
            task="demo",
            model="demo-bert",
            lengths=(16, 32, 64),
            depths=(1, 2, 3, 4),
            precisions=("fp32", "bf16"),
            energy_source="estimate",
        )
        run = fabricated.write_csv_run(folder / "run" / DEMO, rows)
    else:
        run = ROOT / "docs" / "results" / PUBLISHED[name]
    return build_report([run], output=folder / "report" / name, bootstrap=bootstrap)


# ---- numbers ----


def numbers_of(name: str, folder: Path) -> dict[str, Any]:
    """Every number that is kept of a run, rounded: plain values as JSON has them."""
    report = report_of(name, folder, bootstrap=name in BOOTSTRAPPED)
    models = json.loads((report.folder / "energy_model.json").read_text(encoding="utf-8"))
    found = {
        "results": _sums(pd.read_csv(report.folder / "results.csv")),
        "excluded": len(report.excluded),
        "figures": len(report.figures),
        "pareto": _pareto(pd.read_csv(report.folder / "pareto.csv", low_memory=False)),
        "energy_models": [_without_words(model) for model in models],
        "recommendations": [_recommendation(assessment.recommendation.value) for assessment in report.assessments],
    }
    kept: dict[str, Any] = json.loads(json.dumps(_rounded(found), allow_nan=False))
    return kept


def _sums(table: pd.DataFrame) -> dict[str, Any]:
    """How many rows, and of each numeric column how many values and the sum of their sizes (residuals cancel out)."""
    numeric = table.select_dtypes("number")
    return {"rows": len(table), **{c: [int(numeric[c].count()), float(numeric[c].abs().sum())] for c in numeric}}


def _pareto(table: pd.DataFrame) -> dict[str, Any]:
    """pareto.csv by objectives and column; trials are named once, and rows name them by number."""
    ids = "trial_ids" if "trial_ids" in table else "trial_id"
    trials = list(dict.fromkeys(table[ids]))
    found: dict[str, Any] = {"trials": trials}
    for objectives, part in table.groupby("objectives", sort=False):
        columns: dict[str, Any] = {"trial": [trials.index(t) for t in part[ids]]}
        for column in part.columns.drop([ids, "objectives", "configuration"]):
            values = part[column]
            if values.isna().all():  # a column of other objectives in the same file
                continue
            switch = values.isin([True, False]).all() and values.dtype.kind not in "if"
            columns[column] = "".join("01"[bool(v)] for v in values) if switch else values.tolist()
        found[str(objectives)] = columns
    return found


def _without_words(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        kept = {k: _without_words(v, k) for k, v in value.items() if k not in _WORDS}
        if "coefficients" in kept:  # the verdict of a fit is a sentence, that of a precision factor a finding
            kept.pop("verdict")
        return kept
    if key in _POINTS:
        return _sums(pd.DataFrame(value))
    return [_without_words(v) for v in value] if isinstance(value, list) else value


def _recommendation(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    table, kept = found.table, found.to_dict()
    names = ["accuracy_difference", "gained", "lost", "p_value", "p_corrected", "energy_ratio"]
    names += ["accuracy_difference_low", "accuracy_difference_high", "energy_ratio_low", "energy_ratio_high"]
    if found.choice is not None:
        kept["choice"] |= {name: found.choice[name] for name in names}
    for verdict in ("verdict", "verdict_among_many"):
        kept[f"{verdict}_counts"] = {str(k): int(n) for k, n in table[verdict].value_counts().items()}
    ids = "trial_ids" if "trial_ids" in table else "trial_id"
    for others in ("runners_up", "single_axis"):
        rows = getattr(found, others)
        kept[others] = rows[["axis", ids, "energy_j_per_example", "energy_ratio"]].to_numpy().tolist()
    return kept


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        return float(f"{value:.{DIGITS - 1}e}") if math.isfinite(value) else None
    return value


def differences(was: Any, now: Any, at: str = "") -> list[str]:
    """Where two results of `numbers_of` differ by more than rounding, a line each."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*was, *now])
        missing = "(nothing)"
        return [d for k in keys for d in differences(was.get(k, missing), now.get(k, missing), f"{at}/{k}")]
    if isinstance(was, list) and isinstance(now, list):
        if len(was) != len(now):
            return [f"{at}: {len(was)} values, now {len(now)}"]
        return [d for i, (a, b) in enumerate(zip(was, now, strict=True)) for d in differences(a, b, f"{at}/{i}")]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (was, now))
    same = math.isclose(was, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE) if numeric else was == now
    return [] if same else [f"{at}: {was}, now {now}"]


def kept_numbers(name: str, folder: Path = KEPT) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _text(value: Any, indent: str = "") -> str:
    """JSON with a line per key, and lists of anything but objects in one."""
    inner = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(k)}: {_text(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return "[\n" + ",\n".join(inner + _text(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ---- words ----


def words_of(name: str, folder: Path) -> dict[str, str]:
    """File name -> text, without what differs from run to run: where it was written, and when."""
    report = report_of(name, folder, bootstrap=True)
    texts = {
        f"{name}.report.md": report.markdown.read_text(encoding="utf-8"),
        f"{name}.report.html": report.html.read_text(encoding="utf-8"),
        f"{name}.summary.txt": summary(report, WIDTH) + "\n",
        f"{name}.problems.txt": "".join(f"{p}\n" for p in report.problems),
    }
    return {file: _anywhere(text, folder) for file, text in texts.items()}


def _anywhere(text: str, folder: Path) -> str:
    for place, said in ((folder, "OUT"), (ROOT, "ROOT")):
        for path in (str(place), os.path.relpath(place)):
            text = text.replace(path + "/", said + "/") if path not in (".", "..") else text
    text = re.sub(r"written [0-9: -]+UTC", "written WHEN", text)
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "base64,FIGURE", text)


# ---- the command ----


def _numbers(record: bool, folder: Path, scratch: Path) -> int:
    found = 0
    for name in RUNS:
        now = numbers_of(name, scratch)
        if record:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.json").write_text(_text(now) + "\n", encoding="utf-8")
        else:
            lines = differences(kept_numbers(name, folder), now, name)
            found += len(lines)
            print("\n".join(lines) if lines else f"{name}: the same numbers", flush=True)
    return found


def _words(record: bool, folder: Path, scratch: Path) -> int:
    found = 0
    for name in RUNS:
        for file, now in words_of(name, scratch).items():
            if record:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(now, encoding="utf-8")
                continue
            was = (folder / file).read_text(encoding="utf-8")
            lines = list(difflib.unified_diff(was.splitlines(), now.splitlines(), file, file, "was", "is", 1, ""))
            found += len(lines)
            print("\n".join(lines) if lines else f"{file}: the same words", flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.make.golden", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    do = parser.add_mutually_exclusive_group(required=True)
    do.add_argument("--record", action="store_true", help="keep what this code finds")
    do.add_argument("--compare", action="store_true", help="say what differs from what is kept")
    parser.add_argument("--words", action="store_true", help="the words instead of the numbers; needs --dir")
    parser.add_argument("--dir", type=Path, help="where they are kept (numbers: tests/data/golden)")
    arguments = parser.parse_args(argv)
    if arguments.words and arguments.dir is None:
        parser.error("words are not committed: say where they are kept with --dir")
    with tempfile.TemporaryDirectory() as scratch:
        work = _words if arguments.words else _numbers
        found = work(arguments.record, arguments.dir or KEPT, Path(scratch).resolve())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

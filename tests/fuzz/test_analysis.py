"""Damaged files: whatever `analysis` reads gives a clear error or a right answer, never a crash or a made-up number.

FUZZ_INPUTS says how many inputs are tried (by hand: 10,000); FUZZ_SEED=N tries input N alone, as a failure
names it. "Right" is judged by reading the damaged file again, with Python's csv and json alone.
"""

import base64
import csv
import functools
import io
import json
import math
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import analysis
from analysis.errors import CannotAnswer
from analysis.findings.claims.check import audit
from analysis.findings.claims.claim import PUBLISHED, load_claims
from analysis.findings.configurations import valid
from analysis.words.claims import as_dict
from search_spaces.errors import UsageError
from tests.make import runs as fabricated
from tests.make.damage import as_json, damage, distort, distort_cells
from tests.make.rows import linear_rows, write_trial
from trainables.energy.meter import Sample
from trainables.energy.trace import Trace
from trainables.rows.columns import COLUMNS, TRACE, WINDOW_COLUMNS
from trainables.rows.file import seal

pytestmark = pytest.mark.slow

INPUTS = int(os.environ.get("FUZZ_INPUTS", "160"))
DEEP_EVERY = 16  # inputs that go through fits, recommendation and audit too, which take most of the time
ONCE_FAILED = {"csv": (1280,), "results": (591, 1968, 2032), "parquet": (752,), "claims": (897,)}  # tried every time
CLEAR = (UsageError, CannotAnswer)
NUMBERS = [c.name for c in COLUMNS.values() if c.kind != "str"]
PLAIN_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{0,300})?([eE][+-]?\d{1,4})?")
ODD_KINDS: tuple[Callable[[Any], Any], ...] = (
    str, bool, lambda v: [v], lambda v: str(v).encode(), lambda v: {"a": 1}, lambda v: pd.Timestamp(0), lambda v: None,
    lambda v: 10.0**12, lambda v: -1,
)  # fmt: skip
WINDOWS = [[0.0, 1.0, 2, 20.0, 19.0, 0.1], [1.0, 1.0, 2, 22.0, 21.0, 0.1]]


# ---- the files, undamaged ----


def run_folder(folder: Path) -> Path:
    """Eight trials with windows, a trace and an anchor; fine-tuning; environment; a state of Ray's; sealed rows."""
    samples = [Sample(time_s=t / 100, read_s=0.0, power_w=100.0) for t in range(250)]
    trace = base64.b64encode(Trace.from_samples(samples, source="nvml_power", tick_s=0.1).to_parquet_bytes())
    anchor = {"energy_j_per_example": 0.1, "started_at": 5.0, "gpu_uuid": "GPU-1", "mean_power_w": 600.0}
    for number, row in enumerate(linear_rows(lengths=(16, 32, 64, 128), depths=(6, 12))):
        result = row | {"anchor": anchor if number % 4 == 0 else None, TRACE: trace.decode()}
        trial = write_trial(folder / "ray/measure-0", result, windows=WINDOWS)
        if number % 2:
            (trial / "row.json").write_text(seal(json.loads((trial / "result.json").read_text())))
    write_trial(folder / "ray/measure-0", None, config=row, error="RuntimeError: CUDA error")
    state = {"trial_data": [], "runner_data": {}, "stats": {"start_time": 1.0}}
    (folder / "ray/measure-0/experiment_state-2026-01-01_00-00-00.json").write_text(json.dumps(state))
    tuning = folder / "ray/finetune-0/t"
    tuning.mkdir(parents=True)
    lines = [
        {"task": "sst2", "model": "m", "seed": 1, "epoch": e, "accuracy": 0.9, "train_energy_j": 9.0} for e in (1, 2)
    ]
    (tuning / "result.json").write_text("\n".join(map(json.dumps, lines)))
    (folder / "environment.json").write_text(json.dumps(fabricated.ENVIRONMENT))
    return folder


def csv_folder(folder: Path) -> Path:
    rows = fabricated.table(lengths=(16, 32, 64, 128), depths=(6, 12), precisions=("fp16",))
    fabricated.write_csv_run(folder, rows)
    fabricated.anchors().to_csv(folder / "anchors.csv", index=False)
    return folder


@functools.cache
def undamaged(make: Callable[[Path], Path], folder: Path) -> Path:
    """A folder made once, to be copied."""
    return make(folder / f"undamaged-{make.__name__}")


def copy_of(make: Callable[[Path], Path], folder: Path) -> Path:
    return Path(shutil.copytree(undamaged(make, folder.parent), folder))


def with_parquet(folder: Path) -> Path:
    """The folder of CSV files with its Parquet files beside them."""
    run = csv_folder(folder)
    analysis.write_tables(run, analysis.load(run))
    windows = pd.DataFrame({c: [1.0, 2.0] for c in WINDOW_COLUMNS}).assign(trial_id="a", window=[0, 1])
    windows.to_parquet(run / "windows.parquet")
    return run


@functools.cache
def rows_of(run: Path) -> pd.DataFrame:
    return analysis.load(run)


# ---- what is done with them ----


def use(path: Path, deep: bool) -> pd.DataFrame:
    """Everything a report reads and does with a path. Raises what it raises."""
    rows = analysis.load(path)
    analysis.load_windows(path)
    analysis.load_anchors(path)
    analysis.load_finetune(path)
    if path.is_dir():
        analysis.load_environment(path)
    clean, _ = valid(rows)
    levelled, _ = analysis.level_cards(rows, analysis.load_anchors(path))
    if len(clean):
        table = analysis.configurations(valid(levelled)[0])
        analysis.pareto_set(table, ["accuracy", "energy_j_per_example"])
    if deep:
        for part in (
            lambda: analysis.fit_energy(valid(levelled)[0]),
            lambda: analysis.recommend(levelled),
            lambda: audit(levelled),
            lambda: analysis.recompute(path),
        ):
            clear(part)
    return rows


def clear(what: Callable[[], Any]) -> Any:
    """The result, or None where it was refused in a sentence that says enough."""
    try:
        return what()
    except CLEAR as refused:
        said = str(refused)
    assert len(said) > 20, said
    return None


def sound(rows: pd.DataFrame) -> None:
    """What no table may be, whatever it was read from."""
    for column in COLUMNS.values():
        if column.kind == "float":
            assert rows[column.name].dtype == "float64"
        elif column.kind == "int":
            assert str(rows[column.name].dtype) in ("int64", "Int64")
    clean, _ = valid(rows)
    energy = clean["energy_j_per_example"]
    assert ((energy > 0) & (energy < math.inf)).all()
    assert clean["accuracy"].dropna().between(0, 1).all()
    assert (clean["status"] == "ok").all()


# ---- what was to come out ----


def same(loaded: Any, text: str) -> bool:
    """Does a loaded number agree with the text of its cell? Texts that are no plain number are the reader's matter."""
    if not PLAIN_NUMBER.fullmatch(text.strip()):
        return True
    value = float(text)
    if not math.isfinite(value):
        return pd.isna(loaded)
    return not pd.isna(loaded) and math.isclose(float(loaded), value, rel_tol=1e-12, abs_tol=1e-300)


def check_csv(rows: pd.DataFrame, data: bytes) -> None:
    """Every number is the one in its own line and column."""
    lines = [line for line in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if line]
    head, *given = lines
    cells = [list(line) for line in dict.fromkeys(map(tuple, given))]  # a line that is there twice counts once
    assert len(rows) == len(cells)
    for (_, loaded), line in zip(rows.iterrows(), cells, strict=True):
        assert len(line) <= len(head)
        for name, text in zip(head, line, strict=False):
            if name in NUMBERS:
                assert same(loaded[name], text), f"{name}: {text!r} was read as {loaded[name]!r}"


def check_results(rows: pd.DataFrame, run: Path) -> None:
    """Every row is one that a trial's file holds, number for number."""
    stored = []
    for folder in sorted((run / "ray/measure-0").iterdir()):
        for name in ("row.json", "result.json"):
            if not (folder / name).is_file():
                continue
            for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(found, dict):
                    stored.append(found["row"] if isinstance(found.get("row"), dict) else found)
    for _, loaded in rows[rows["status"] == "ok"].iterrows():
        assert any(agrees(loaded, row) for row in stored), f"nothing stored is {loaded['trial_id']}"


def agrees(loaded: pd.Series, row: dict[str, Any]) -> bool:
    """Is every number of the loaded row the stored one, and null where that is?"""
    for name in NUMBERS:
        value = row.get(name)
        null = value is None or (isinstance(value, float) and math.isnan(value))
        if null != bool(pd.isna(loaded[name])):
            return False
        plain = isinstance(value, (int, float)) and abs(value) < 1e300
        if not null and not (plain and math.isclose(loaded[name], value, rel_tol=1e-12)):
            return False
    return True


# ---- the inputs ----


def fuzz_csv(rng: random.Random, folder: Path, deep: bool) -> bool:
    run = copy_of(csv_folder, folder)
    file = run / rng.choice(("results.csv",) * 4 + ("anchors.csv", "environment.json"))
    if file.suffix == ".csv" and rng.random() < 0.6:
        lines = list(csv.reader(io.StringIO(file.read_text())))
        out = io.StringIO()
        csv.writer(out).writerows(distort_cells(rng, lines))
        file.write_bytes(out.getvalue().encode())
    else:
        file.write_bytes(damage(rng, file.read_bytes()))
    rows = clear(lambda: use(run, deep))
    if rows is not None:
        sound(rows)
        check_csv(rows, (run / "results.csv").read_bytes())
    return rows is not None


def fuzz_results(rng: random.Random, folder: Path, deep: bool) -> bool:
    run = copy_of(run_folder, folder)
    files = sorted(f for f in run.rglob("*") if f.is_file() and f.stat().st_size)
    file = rng.choice(files)
    data = file.read_bytes()
    if file.suffix == ".json" and rng.random() < 0.6:
        value = json.loads(data.splitlines()[-1])
        row = value.get("row")
        value = distort(rng, row or value)
        file.write_bytes(seal(value).encode() if isinstance(row, dict) and isinstance(value, dict) else as_json(value))
    else:
        file.write_bytes(damage(rng, data))
    rows = clear(lambda: use(run, deep))
    if rows is not None:
        sound(rows)
        check_results(rows, run)
    return rows is not None


def fuzz_parquet(rng: random.Random, folder: Path, deep: bool) -> bool:
    run = copy_of(with_parquet, folder)
    rows = rows_of(undamaged(with_parquet, folder.parent))
    file = run / rng.choice(("results.parquet", "results.parquet", "windows.parquet"))
    swapped = file.name == "results.parquet" and rng.random() < 0.4
    if swapped:
        frame = pd.read_parquet(file)
        column = rng.choice(list(frame.columns))
        kind = rng.choice(ODD_KINDS)
        frame[column] = pd.Series([kind(v) for v in frame[column]], index=frame.index)
        frame.to_parquet(file)
    else:
        file.write_bytes(damage(rng, file.read_bytes()))
    again = clear(lambda: use(run, deep))
    if again is not None:
        sound(again)
    if again is not None and not swapped:  # pages carry checksums: what is read is what was written
        for column in NUMBERS:
            lost = again[column].isna().all()  # its name was hit
            assert lost or again[column].astype(float).equals(rows[column].astype(float)), column
    return again is not None


def fuzz_claims(rng: random.Random, folder: Path, deep: bool) -> bool:
    rows = rows_of(undamaged(csv_folder, folder.parent))
    folder.mkdir()
    file = folder / "claims.json"
    published = json.loads(PUBLISHED.read_bytes())
    published["claims"] = rng.sample(published["claims"], 2)
    data = as_json(distort(rng, published)) if rng.random() < 0.7 else damage(rng, as_json(published))
    file.write_bytes(data)

    def check() -> bool:
        claims = load_claims(file)
        for finding in audit(rows, claims):
            assert finding.verdict in ("holds", "does not hold", "cannot be told")
            json.dumps(as_dict(finding), allow_nan=False)
        return True

    return clear(check) is not None


KINDS = {f.__name__.removeprefix("fuzz_"): f for f in (fuzz_csv, fuzz_results, fuzz_parquet, fuzz_claims)}


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_or_read_right(
    tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    only = os.environ.get("FUZZ_SEED")
    seeds = [int(only)] if only else [*{*range(INPUTS // len(KINDS)), *ONCE_FAILED[kind]}]
    failures, read = [], 0
    for seed in seeds:
        deep = seed % DEEP_EVERY == 0 or seed in ONCE_FAILED[kind] or bool(only)
        folder = tmp_path / str(seed)
        try:
            read += KINDS[kind](random.Random(f"{kind} {seed}"), folder, deep)
        except Exception as error:
            if only:
                raise
            failures.append(f"FUZZ_SEED={seed}: {type(error).__name__}: {str(error)[:300]}")
        shutil.rmtree(folder)
    record_property("read", read)
    print(f"{kind}: {len(seeds)} inputs, {read} read, {len(seeds) - read - len(failures)} refused")
    assert not failures, f"{len(failures)} of {len(seeds)}:\n" + "\n".join(failures[:20])

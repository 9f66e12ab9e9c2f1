"""The documentation says what the code says."""

import re
import subprocess
from pathlib import Path

import pytest

from trainables.rows.columns import COLUMNS
from trainables.rows.flags import FLAGS

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
RESULTS = re.compile(r"`(docs/results/[^`*]+)`")


def tracked() -> set[Path]:
    """Files that git keeps, and their folders."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = {ROOT / name for name in listed.split("\0") if name}
    return files | {parent for file in files for parent in file.parents}


def pages() -> list[Path]:
    return sorted(path for path in tracked() if path.suffix == ".md")


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_every_relative_link_and_picture_is_in_git():
    known = tracked()
    for page in pages():
        for link in LINK.findall(page.read_text("utf-8")):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / target).resolve() if target else page
            assert path in known, f"{page}: {link}"
            assert not anchor or anchor in anchors(path), f"{page}: {link}"


def test_every_kept_result_that_a_page_names_is_there():
    known = tracked()
    for page in pages():
        for name in RESULTS.findall(page.read_text("utf-8")):
            assert ROOT / name in known or "GRID" in name, f"{page}: {name}"


def test_every_column_and_flag_is_documented_as_it_is():
    page = (ROOT / "docs" / "columns.md").read_text()
    for column in COLUMNS.values():
        assert f"| `{column.name}` | {column.unit} | {column.meaning} |" in page
    for flag in FLAGS.values():
        assert f"| `{flag.name}` | {flag.rule} | {'yes' if flag.invalid else ''} |" in page
    assert page.count("\n| `") == len(COLUMNS) + len(FLAGS)


def test_every_metric_is_documented_as_it_is():
    from tuner.cluster.metrics import METRICS

    page = (ROOT / "docs" / "watching.md").read_text()
    for metric in METRICS:
        assert f"| `{metric.exported}` | {', '.join(metric.tags)} | {metric.meaning} |" in page
    assert page.count("\n| `ray_") == len(METRICS)

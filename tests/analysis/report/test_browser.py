"""report.html in a real Chromium: offline, quiet, sortable, every figure loaded, nothing overflowing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.report.build import build_report
from search_spaces.trial_config import TrialConfig
from tests.make import runs as fabricated

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
NASTY = "<script>window.pwned=1</script><img src=x onerror='window.pwned=2'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH (or name one in CHROMIUM)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=[*QUIET, "--disable-sync"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with everything: failed and flagged trials, hostile names, anchors."""
    rows = fabricated.table(lengths=(16, 48, 64, 128), depths=(8, 10, 12))
    rows.loc[0, "flags"] = "short_window"
    config = TrialConfig("sst2", NASTY, 42, 256, 12, "fp32")
    rows = pd.concat([rows, pd.DataFrame([fabricated.failed_row(config, NASTY)])], ignore_index=True)
    rows["model"] = rows["model"].fillna("").where(rows["status"] == "ok", NASTY)
    folder = fabricated.write_csv_run(tmp_path_factory.mktemp("page") / "run", rows, {"host": NASTY * 3})
    fabricated.anchors().to_csv(folder / "anchors.csv", index=False)
    return build_report([folder]).html


@pytest.fixture(params=[1280, 390])
def page(browser: Any, page_file: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    opened.requests, opened.complaints = [], []
    opened.on("request", lambda r: opened.requests.append(r.url))
    opened.on("console", lambda m: opened.complaints.append(m.text))
    opened.on("pageerror", lambda e: opened.complaints.append(str(e)))
    opened.goto(page_file.as_uri())
    opened.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    yield opened
    opened.close()


def test_it_opens_offline_without_a_complaint(page: Any, page_file: Path) -> None:
    fetched = [url for url in page.requests if not url.startswith("data:")]
    assert fetched == [page_file.as_uri()]
    assert page.complaints == []
    assert page.evaluate("window.pwned") is None


def test_every_figure_has_loaded(page: Any) -> None:
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 15
    assert min(widths) > 0


def test_nothing_overflows_sideways(page: Any) -> None:
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen
    # Only boxes that scroll on their own may hold something wider than themselves.
    out = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.scroll, pre') && e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.tagName + ' ' + e.className)"""
    )
    assert out == []


def test_a_column_sorts_both_ways(page: Any) -> None:
    head = page.locator("table.sortable th", has_text="Energy").first
    index = head.evaluate("cell => [...cell.parentNode.children].indexOf(cell)")
    values = f"rows => rows.map(row => Number(row.cells[{index}].dataset.value))"
    rows = page.locator("table.sortable tbody tr")
    before = rows.evaluate_all(values)
    assert len(before) == 23
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert rows.evaluate_all(values) == sorted(before)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert rows.evaluate_all(values) == sorted(before, reverse=True)
    text = page.locator("table.sortable th", has_text="Precision")
    text.locator("button").press("Enter")
    assert text.get_attribute("aria-sort") == "ascending"
    assert head.get_attribute("aria-sort") is None


def test_it_prints_every_row_and_column(page: Any) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 900})  # A4 less its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    heights = page.evaluate("[...document.querySelectorAll('.scroll')].map(box => box.scrollHeight - box.clientHeight)")
    assert max(heights) <= 1

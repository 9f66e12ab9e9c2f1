"""across.html in a real Chromium, wide and narrow: offline, quiet, every figure loaded, nothing overflowing."""

from pathlib import Path
from typing import Any

import pytest

from analysis.across.build import build_across
from tests.analysis.report.test_browser import browser  # noqa: F401 (a fixture)
from tests.make.runs import two_tasks

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("across")
    return build_across(two_tasks(folder), folder / "out").html


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_whole(browser: Any, page_file: Path, width: int) -> None:  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 900})
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda r: requests.append(r.url))
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda e: complaints.append(str(e)))
    page.goto(page_file.as_uri())
    page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    assert [url for url in requests if not url.startswith("data:")] == [page_file.as_uri()]
    assert complaints == []
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 7
    assert min(widths) > 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    # Only boxes that scroll on their own may hold something wider than themselves.
    out = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.scroll, figure.wide') && e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.tagName + ' ' + e.className)"""
    )
    assert out == []
    page.close()

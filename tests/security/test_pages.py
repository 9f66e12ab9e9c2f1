"""Every string that comes from data, file names or model names is text in report.html, across.html and the SVGs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from analysis.across.build import build_across
from analysis.report.build import build_report
from analysis.report.rendering import TEMPLATES, content_policy
from search_spaces.registry import Registry
from tests.analysis.report.test_browser import browser  # noqa: F401 (a fixture)
from tests.make import runs as fabricated
from tests.make.rows import linear_rows, write_trial
from trainables.rows.columns import COLUMNS

pytestmark = pytest.mark.seconds

TEXT_COLUMNS = [*(c.name for c in COLUMNS.values() if c.kind == "str"), "sweep"]  # the last: of foreign tables
OWN_TAGS = {tag for file in TEMPLATES.glob("*.html.j2") for tag in re.findall(r"<([a-z][a-z0-9]*)", file.read_text())}
# What ends a text, an attribute, a script, a style, a title or a comment, and what would then run.
PAYLOAD = (
    "</script></style></title></textarea>--><script>window.pwned=1</script>"
    "\"'><img src=x onerror=window.pwned=1><svg onload=window.pwned=1><a href=javascript:window.pwned=1>x</a>"
    "{{7*7}}{% raw %}&lt;"
)
FOLDER_NAME = "run <img src=x onerror=window.pwned=1>\"'&"  # a file name holds no slash


class Elements(HTMLParser):
    """Elements with attributes, and the text within script elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.scripts if self.cdata_elem == "script" else self.text).append(data)


def elements(html: str) -> Elements:
    parser = Elements()
    parser.feed(html)
    parser.close()
    return parser


def check_page(html: str) -> None:
    """No element, attribute or address that the templates do not write themselves."""
    found = elements(html)
    assert {tag for tag, _ in found.tags} <= OWN_TAGS
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        for name in ("src", "href", "action", "formaction", "srcdoc", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/", "data:,")), (tag, value)
    assert "".join(found.scripts) in ("", (TEMPLATES / "report.js").read_text())
    policies = [a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [content_policy((TEMPLATES / "report.js").read_text())]
    assert "49" not in [text.strip() for text in found.text], "a template was rendered twice"


def check_picture(file: Path) -> None:
    """Well-formed, and no element that runs or loads anything."""
    for element in ElementTree.parse(file).iter():  # noqa: S314 (written by this test)
        name = element.tag.rsplit("}", 1)[-1]
        assert name not in ("script", "foreignObject", "iframe", "image", "a", "set", "animate"), file
        assert not [a for a in element.attrib if a.rsplit("}", 1)[-1].startswith("on")], file


def hostile(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in which every text is the payload, told apart by its column, but for what decides what a row is."""
    deciding = ("status", "purpose", "correct_bits", "energy_source")
    rows = rows.assign(**{c: f"{c} {PAYLOAD}" for c in TEXT_COLUMNS if c not in deciding})
    rows.loc[1, "purpose"] = f"purpose {PAYLOAD}"
    rows.loc[1:, "flags"] = ""  # one that is not known keeps a row out
    rows["precision"] = [f"{p} {PAYLOAD}" for p in ("fp32", "fp16") for _ in range(len(rows) // 2)]
    rows["trial_id"] = [f"trial {i} {PAYLOAD}" for i in range(len(rows))]
    rows.loc[0, "status"] = f"status {PAYLOAD}"
    return rows


def test_every_text_of_the_rows_at_once(tmp_path: Path) -> None:
    rows = hostile(fabricated.table(lengths=(16, 48, 128), depths=(10, 12)))
    environment = {f"key {PAYLOAD}": [{PAYLOAD: PAYLOAD}], "gpus": [PAYLOAD]}
    folder = fabricated.write_csv_run(tmp_path / FOLDER_NAME, rows, environment)
    anchors = fabricated.anchors(cards=2).assign(model=f"model {PAYLOAD}", gpu_name=f"gpu_name {PAYLOAD}")
    anchors["gpu_uuid"] = [f"gpu_uuid {PAYLOAD}"] * len(anchors)
    anchors.to_csv(folder / "anchors.csv", index=False)
    report = build_report([folder], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    check_page(html)
    shown = "".join(elements(html).text)
    assert "flags_<" in shown  # as a flag is spelled
    assert "unknown purpose purpose <" in shown
    for text in ("task", "gpu_name", "fp16", "error", "trial 0", "status", "key"):
        assert f"{text} </script>" in shown, f"{text} is not on the page"  # escaped is not left out
    assert FOLDER_NAME in shown
    pictures = [file for file in report.figures if file.suffix == ".svg"]
    assert len(pictures) >= 5
    for file in pictures:
        check_picture(file)
    markdown = report.markdown.read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert "<img" not in markdown
    assert "<svg" not in markdown


@pytest.mark.slow
@pytest.mark.parametrize("column", [c for c in TEXT_COLUMNS if c != "correct_bits"])
def test_every_text_of_the_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str) -> None:
    """Alone, since one hostile column may keep a part of the page from being made at all."""
    monkeypatch.setattr("analysis.report.build.FIGURES", Registry("a figure", ()))  # drawn above
    rows = fabricated.table(lengths=(48, 128), depths=(12,)).assign(**{column: PAYLOAD})
    folder = fabricated.write_csv_run(tmp_path / "run", rows)
    report = build_report([folder], bootstrap=False)
    check_page(report.html.read_text(encoding="utf-8"))
    assert "<script" not in report.markdown.read_text(encoding="utf-8")


@pytest.mark.usefixtures("sketches")
def test_names_and_errors_of_trials(tmp_path: Path) -> None:
    """A run of Ray's: folders, error files, configurations and damaged rows with hostile names."""
    run = tmp_path / FOLDER_NAME
    experiment = run / "ray" / "measure-<img src=x onerror=window.pwned=1>"
    for row in linear_rows(lengths=(16, 64), depths=(4, 12)):
        write_trial(experiment, row)
    name = "trial <img src=x onerror=window.pwned=1>"
    write_trial(experiment, None, name=name, config={"task": PAYLOAD, "max_seq_len": 16}, error=PAYLOAD)
    (experiment / "experiment_state-2026-01-01_00-00-00.json").write_text(PAYLOAD)
    damaged = write_trial(experiment, None, name=name + "2")
    (damaged / "row.json").write_text(PAYLOAD)
    tuning = run / "ray" / "finetune-0" / "t"
    tuning.mkdir(parents=True)
    (tuning / "result.json").write_text(json.dumps({"task": PAYLOAD, "model": PAYLOAD, "seed": 1, "epoch": 1}))
    report = build_report([run], bootstrap=False)
    html = report.html.read_text(encoding="utf-8")
    check_page(html)
    shown = "".join(elements(html).text)
    assert PAYLOAD in shown
    assert name in shown


def test_a_comparison_of_tasks(tmp_path: Path) -> None:
    runs = []
    for task in ("first", "second"):
        rows = fabricated.table(lengths=(16, 32, 48, 64, 128), depths=(10, 12)).assign(
            task=f"{task} {PAYLOAD}", model=f"model {PAYLOAD}", gpu_name=f"card {PAYLOAD}", error=PAYLOAD
        )
        rows["trial_id"] = task + rows["trial_id"]
        rows.loc[0, "flags"] = PAYLOAD
        runs.append(fabricated.write_csv_run(tmp_path / f"{task} {FOLDER_NAME}", rows))
    across = build_across(runs)
    html = across.html.read_text(encoding="utf-8")
    check_page(html)
    shown = "".join(elements(html).text)
    for text in ("first", "second", "card"):
        assert f"{text} </script>" in shown
    for file in (across.folder / "figures").glob("*.svg"):
        check_picture(file)
    markdown = across.markdown.read_text(encoding="utf-8")
    assert "<script" not in markdown
    assert "<img" not in markdown


@pytest.mark.usefixtures("sketches")
@pytest.mark.browser
def test_the_browser_runs_the_pages_own_script_alone(tmp_path: Path, browser: Any) -> None:  # noqa: F811
    """Were the escaping to fail, the policy of the page would still hold."""
    folder = fabricated.write_csv_run(tmp_path / "run", fabricated.table(lengths=(48, 128), depths=(12,)))
    file = build_report([folder], bootstrap=False).html
    planted = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    file.write_text(file.read_text(encoding="utf-8").replace("<main>", f"<main>{planted}"), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("window.pwned") is None
    head = page.locator("table.sortable th", has_text="Energy").first
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    page.close()

"""Templates to HTML and Markdown. Every string from the data is escaped; a page needs no network."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from analysis.report.gallery import Picture

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_SVG = 300_000  # bytes; above it the PNG is inlined


def render_templates(name: str, **values: Any) -> tuple[str, str]:
    """(HTML, Markdown) of a pair of templates; the same things are escaped, and pictures inlined, in all of them."""
    environment = _environment()
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    values |= {"picture_source": picture_source, "script": Markup(script), "policy": content_policy(script)}  # noqa: S704 (our own file)
    html = environment.get_template(f"{name}.html.j2").render(values)
    markdown = environment.get_template(f"{name}.md.j2").render(values)
    return html, markdown.strip() + "\n"


@functools.cache
def _environment() -> Environment:
    """Keeps the compiled templates, for the next page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),  # Markdown has its own filter, `md`
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["md"] = markdown_text
    return environment


def content_policy(script: str) -> str:
    """What a page may do: its own script and styles, pictures it holds itself, no network. A second line, should a text
    ever get past the escaping."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sources = ("default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'")
    return "; ".join((*sources, "base-uri 'none'", "form-action 'none'"))


def picture_source(picture: Picture) -> str:
    """The picture inlined: the SVG, or the PNG where the SVG is large (many points)."""
    if picture.svg is None or picture.png is None:
        return ""
    if picture.svg.stat().st_size <= LARGEST_SVG:
        return _data_uri(picture.svg, "image/svg+xml")
    return _data_uri(picture.png, "image/png")


def _data_uri(file: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def markdown_text(value: object) -> str:
    """Text as text in a Markdown table or sentence: no HTML, no table cells, no line breaks."""
    text = " ".join(str(value).split())
    for character, escaped in (
        ("\\", "\\\\"),  # first: a backslash of the text must not undo the next escape
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "\\|"),
        ("`", "\\`"),
        ("*", "\\*"),
    ):
        text = text.replace(character, escaped)
    return text.replace("[", "\\[").replace("_", "\\_")

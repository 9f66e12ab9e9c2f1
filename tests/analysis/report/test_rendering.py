"""Text in Markdown."""

from analysis.report.rendering import markdown_text


def test_markdown_text_is_text() -> None:
    assert markdown_text("a|b\n<i>*x*_") == "a\\|b &lt;i&gt;\\*x\\*\\_"

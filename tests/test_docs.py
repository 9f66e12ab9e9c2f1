"""The documentation says what the code says."""

from pathlib import Path

from trainables.rows.columns import COLUMNS, FLAGS

ROOT = Path(__file__).resolve().parent.parent


def test_every_column_and_flag_is_documented_as_it_is():
    page = (ROOT / "docs" / "columns.md").read_text()
    for column in COLUMNS:
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

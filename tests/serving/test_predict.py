"""The command: every format in and out, gone on with by line, and every mistake by its line."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from search_spaces.errors import UsageError
from serving.benchmark import benchmark
from serving.make_export import export
from serving.predict import main
from serving.predictor import Predictor
from serving.run_folder import find
from serving.text_files import Reader, Writer, format_of
from tests.make.measured_run import trial_of

TEXTS = ["the soup was tasty .", "the room was cold .", 'a "quoted", word', "fish"] * 6


@pytest.fixture
def answers(exported: Path) -> list[str]:
    return [p.answer for p in Predictor.load(exported).predict(TEXTS)]


def written(path: Path, form: str, texts: list[str] = TEXTS) -> Path:
    lines = {
        "txt": texts,
        "tsv": ["id\ttext", *(f"{i}\t{text}" for i, text in enumerate(texts))],
        "csv": ["text,id", *('"' + text.replace('"', '""') + f'",{i}' for i, text in enumerate(texts))],
        "jsonl": [json.dumps({"text": text, "id": i}) for i, text in enumerate(texts)],
    }[form]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("form", ["txt", "tsv", "csv", "jsonl"])
def test_each_format_gives_an_answer_per_record(form, exported, answers, tmp_path):
    source, out = written(tmp_path / f"in.{form}", form), tmp_path / f"out.{form}"
    assert main([str(exported), "--input", str(source), "--output", str(out)]) == 0
    lines = out.read_text().splitlines()
    writer = Writer(format_of(out, None), "label")
    if form in ("tsv", "csv"):
        assert lines.pop(0) == {"tsv": "label\tscore", "csv": "label,score"}[form]
    assert [writer.answer_of(line) for line in lines] == answers
    with pytest.raises(UsageError, match="answers go into a new file"):
        main([str(exported), "--input", str(source), "--output", str(out)])


def test_standard_input_to_standard_output(exported, answers, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(TEXTS).encode())))
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    assert main([str(exported)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == answers
    assert all(0.5 <= float(line.split("\t")[1]) <= 1 for line in lines)


@pytest.mark.parametrize("form", ["txt", "tsv", "csv", "jsonl"])
@pytest.mark.parametrize("kept", [0, 1, 11, 24])
def test_a_file_cut_off_anywhere_is_gone_on_with(form, kept, exported, tmp_path):
    source, out = written(tmp_path / f"in.{form}", form), tmp_path / f"out.{form}"
    main([str(exported), "--input", str(source), "--output", str(out)])
    whole = out.read_text()
    lines = whole.splitlines(keepends=True)
    head = form in ("tsv", "csv")
    out.write_text("".join(lines[: kept + head]) + (lines[kept + head][:3] if kept < 24 else ""))
    assert main([str(exported), "--input", str(source), "--output", str(out), "--resume"]) == 0
    found, writer = out.read_text().splitlines(keepends=True), Writer(format_of(out, None), "label")
    assert found[:head] == lines[:head]
    assert list(map(writer.answer_of, found[head:])) == list(map(writer.answer_of, lines[head:]))


def test_answers_of_something_else_are_not_gone_on_with(exported, answers, tmp_path):
    source, out = written(tmp_path / "in.txt", "txt"), tmp_path / "out.txt"
    others = {"negative": "positive", "positive": "negative"}
    for content, said in (
        ("".join(f"{others[a]}\t0.9\n" for a in answers[:5]), "where it has '"),
        ("what\n", "it holds 'what"),
        ("".join(f"{a}\t0.9\n" for a in [*answers, "positive"]), "no more answers than there are texts, but it has 25"),
    ):
        out.write_text(content)
        with pytest.raises(UsageError, match=said):
            main([str(exported), "--input", str(source), "--output", str(out), "--resume"])
        assert out.read_text() == content, "nothing is lost"
    table = tmp_path / "out.tsv"
    table.write_text("name\tvalue\nx\t1\n")
    with pytest.raises(UsageError, match="its first line is 'name"):
        main([str(exported), "--input", str(source), "--output", str(table), "--resume"])


def test_a_bad_line_comes_after_the_answers_before_it(exported, answers, tmp_path):
    source, out = written(tmp_path / "in.txt", "txt", [*TEXTS, "", "fish"]), tmp_path / "out.txt"
    command = [str(exported), "--input", str(source), "--output", str(out)]
    with pytest.raises(UsageError, match=r"in.txt:25: text is empty; fill it in or remove the line"):
        main(command)
    assert len(out.read_text().splitlines()) == 24
    written(source, "txt", [*TEXTS, "soup", "fish"])
    assert main([*command, "--resume"]) == 0
    assert len(out.read_text().splitlines()) == 26


@pytest.mark.parametrize(
    ("form", "columns", "content", "said"),
    [
        ("lines", ("text",), b"fine\n\xff\xfe\n", "in:2: not UTF-8"),
        ("lines", ("a", "b"), b"one\ttwo\nthree\n", r"in:2: a line must have 2 fields \(a and b\), but got 1"),
        ("tsv", ("text",), b"label\tid\nx\t1\n", "in:1: the texts must be in the columns text, but it names id, label"),
        ("tsv", ("text",), b"", "in:1: the texts must be in the columns text, but it names none"),
        ("tsv", ("text",), b"text\tid\nx\n", r"in:2: a line must have 2 fields \(as the header has\), but got 1"),
        ("csv", ("text",), b'text\n"a\n', "in:2: not CSV"),
        ("csv", ("text",), b'text,id\n"a, b",1\n" ",2\n', "in:3: text is empty"),
        ("jsonl", ("text",), b'{"text": "a"}\n{"text": 3}\n', "in:2: a line must be a JSON object of texts"),
        ("jsonl", ("text",), b"{\n", "in:1: a line must be a JSON object"),
        ("jsonl", ("text",), b"7\n", "in:1: a line must be a JSON object"),
        ("jsonl", ("text",), b'{"label": "x"}\n', "in:1: the texts must be in the columns text, but it names label"),
    ],
)
def test_a_mistake_is_named_by_its_line(form, columns, content, said):
    with pytest.raises(UsageError, match=said):
        list(Reader("in", form, columns).texts(io.BytesIO(content)))


def test_records_are_read_as_their_format_means_them():
    def read(form: str, columns: tuple[str, ...], content: str) -> Any:
        return list(Reader("in", form, columns).texts(io.BytesIO(content.encode("utf-8"))))

    assert read("csv", ("text",), 'text\n"two\nlines, ""quoted"""\n') == [('two\nlines, "quoted"',)]
    assert read("tsv", ("question1", "question2"), '\ufefftext2\ttext1\nb\t"a\n') == [('"a', "b")]
    assert read("lines", ("text",), "a\tb\r\nc") == [("a\tb",), ("c",)]
    assert read("jsonl", ("sentence",), '{"text": "é\\n"}\n') == [("é\n",)]


def test_questions_are_answered_by_spans_on_one_line_each(runs, tmp_path):
    run, case = runs["squad"]
    export(find(run, trial_of(case, padding="packed").trial_id), tmp_path / "out")
    source = tmp_path / "in.jsonl"
    source.write_text(
        json.dumps({"question": "who wrote it ?", "context": "a fine\tfilm that\nnobody will see"}) + "\n"
    )
    assert main([str(tmp_path / "out"), "--input", str(source), "--output", str(tmp_path / "out.tsv")]) == 0
    header, line = (tmp_path / "out.tsv").read_text().splitlines()
    assert header == "answer\tscore"
    assert line.split("\t")[0] in "a fine film that nobody will see"
    assert main([str(tmp_path / "out"), "--input", str(source), "--output", str(tmp_path / "out.jsonl")]) == 0
    found = json.loads((tmp_path / "out.jsonl").read_text())
    assert found["answer"] in "a fine\tfilm that\nnobody will see"
    with pytest.raises(UsageError, match="logits per text must be a classifier's"):
        Predictor.load(tmp_path / "out").outputs([("who ?", "a film")])


def test_mistakes_on_the_command_line(exported, tmp_path):
    with pytest.raises(UsageError, match=r"is a folder that python -m serving\.export made"):
        main([str(tmp_path)])
    with pytest.raises(UsageError, match="a format must be one of lines, tsv, csv, jsonl, but got 'xml'"):
        main([str(exported), "--format", "xml"])
    with pytest.raises(UsageError, match="--resume goes with --output"):
        main([str(exported), "--resume"])


def test_a_benchmark_says_how_fast_and_by_what_its_joules_are_known(exported):
    said = benchmark(exported, [(text,) for text in TEXTS], threads=1, seconds=0.2)
    values = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in said.splitlines()}
    assert float(values["examples/s"]) > 0
    assert "J/example" in values
    assert 0 < float(values["tokenising, share of the time"]) <= 1
    assert float(values["loading (s)"]) > 0
    with pytest.raises(UsageError, match="a benchmark needs texts"):
        benchmark(exported, [])
    with pytest.raises(UsageError, match="threads must be at least 1, but got 0"):
        Predictor.load(exported, threads=0)


def test_a_benchmark_writes_no_answers_so_it_takes_no_file_for_them(tmp_path):
    out = tmp_path / "out.txt"
    with pytest.raises(UsageError, match=r"--benchmark writes no answers, but got .*out.txt'; leave one out"):
        main(["nowhere", "--benchmark", "--output", str(out)])
    assert not out.exists()


def test_texts_that_are_not_there_are_one_line_with_a_remedy(exported, tmp_path):
    with pytest.raises(UsageError, match=r"--input must be a file of texts, but got .*none.tsv'; give one that exists"):
        main([str(exported), "--input", str(tmp_path / "none.tsv"), "--output", str(tmp_path / "out.tsv")])
    assert not (tmp_path / "out.tsv").exists()

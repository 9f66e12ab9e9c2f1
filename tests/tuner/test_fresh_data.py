"""Fresh examples: what of a file is fresh, what is left out and counted, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from tests.make.fresh import choice_of
from trainables.model.loading import load_tokenizer
from trainables.rows.choice import CONFIRMATION_FILE, choices_text, read_choices
from trainables.tasks import get_task
from tuner.cli import check_confirm_data
from tuner.fresh_data import ConfirmData, check_same, read_fresh

DEV = "text\tlabel\nthe film was dull\tno\nit was great\tyes\n"


def tsv(folder: Path, content: str, dev: str = DEV, trained: str | None = None) -> ConfirmData:
    """What is fresh of a file with this content, beside an evaluation set (and a training set)."""
    for name, text in (("dev.tsv", dev), ("train.tsv", trained), ("new.tsv", content)):
        if text is not None:
            (folder / name).write_text(text)
    task = get_task("tsv")
    train = task.load("train", folder, None) if trained is not None else None
    evaluation = task.load("validation", folder, None)
    return read_fresh(folder / "new.tsv", task, evaluation, train, load_tokenizer("demo-bert"))


def test_what_the_sweep_has_seen_is_left_out_and_counted(tmp_path: Path) -> None:
    new = "text\tlabel\nIt  was GREAT\tyes\nI slept\tno\na new one\tyes\nanother\tno\nanother\tno\n"
    fresh = tsv(tmp_path, new, trained=DEV.replace("it was great", "i slept"))
    assert fresh.left_out == {"in the evaluation set": 1, "trained on": 1, "repeated": 1}
    assert fresh.data.examples == 2
    assert fresh.data.tokens.labels.tolist() == [1, 0]
    assert len(fresh.data.tokens.first) == 2
    assert fresh.words() == (
        "2 fresh examples of new.tsv (1 left out: in the evaluation set; 1 left out: trained on; 1 left out: repeated)"
    )
    assert fresh.record() == {"file": "new.tsv", "digest": fresh.data.digest, "examples": 2, "left_out": fresh.left_out}


def test_the_digest_is_that_of_the_examples_and_not_of_the_file(tmp_path: Path) -> None:
    one = tsv(tmp_path, "text\tlabel\na new one\tyes\n")
    same = tsv(tmp_path, "text\tlabel\nit was great\tyes\na new one\tyes\n")
    other = tsv(tmp_path, "text\tlabel\na new one\tno\n")
    assert one.data.digest == same.data.digest != other.data.digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "text\tlabel\nthe film was dull\tno\nIT was great\tyes\n",
            "must hold examples that the sweep has not seen, but got '2 in the",
        ),
        ("text\tlabel\na new one\tmaybe\n", r"new\.tsv:2: label must be one of no, yes, but got 'maybe'"),
        ("text\tlabel\na new one\t2\n", "label must be one of 0, 1, but got '2'"),
        ("text\tclass\na new one\tno\n", r"new\.tsv:1: the header line must name the columns text, label or sentence"),
        ("text1\ttext2\tlabel\na\tb\tno\n", "the header line must name the columns text, label or sentence, label"),
        ("text\tlabel\n", "holds no examples"),
        ("", "holds no examples"),
        (None, "--confirm-data must be a file, but got '.*new.tsv'; give one like the task's evaluation file"),
    ],
)
def test_a_file_that_cannot_confirm_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        tsv(tmp_path, content)


def test_pairs_are_the_same_where_both_texts_are(tmp_path: Path) -> None:
    pairs = "question1\tquestion2\tlabel\na b\tc\t0\nd\te\t1\n"
    (tmp_path / "dev.tsv").write_text(pairs)
    (tmp_path / "new.tsv").write_text("question1\tquestion2\tlabel\na\tb c\t0\nD\te\t1\nd\tf\t1\n")
    task = get_task("qqp")
    evaluation = task.load("validation", tmp_path, None)
    fresh = read_fresh(tmp_path / "new.tsv", task, evaluation, None, load_tokenizer("demo-bert"))
    assert (fresh.left_out, fresh.data.examples) == ({"in the evaluation set": 1}, 2)
    assert len(fresh.data.tokens.second) == 2


def squad(path: Path, *questions: tuple[str, str, str]) -> Path:
    paragraphs = [
        {"context": c, "qas": [{"id": q, "question": q, "answers": [{"text": a, "answer_start": c.index(a)}]}]}
        for q, c, a in questions
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


def test_a_question_is_new_beside_an_old_one_about_the_same_paragraph(tmp_path: Path) -> None:
    old, more = ("who flew ?", "the brothers flew", "brothers"), ("who did ?", "the brothers flew", "brothers")
    squad(tmp_path / "dev-v1.1.json", old)
    task = get_task("squad")
    evaluation = task.load("validation", tmp_path, None)
    new = squad(tmp_path / "new.json", old, more, ("what ?", "a plane flew", "plane"))
    fresh = read_fresh(new, task, evaluation, None, load_tokenizer("demo-bert"))
    assert (fresh.left_out, fresh.data.examples) == ({"in the evaluation set": 1}, 2)
    assert fresh.data.tokens.answers == (("brothers",), ("plane",))
    assert [fresh.data.tokens.context_texts[row] for row in fresh.data.tokens.context] == [more[1], "a plane flew"]
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(UsageError, match="not the structure of SQuAD"):
        read_fresh(tmp_path / "bad.json", task, evaluation, None, load_tokenizer("demo-bert"))


def test_a_choice_keeps_the_examples_it_began_with(tmp_path: Path) -> None:
    new = tsv(tmp_path, "text\tlabel\na new one\tyes\n")
    check_same(tmp_path, new)  # nothing is chosen yet
    for kept in (None, new.record()):
        (tmp_path / CONFIRMATION_FILE).write_text(json.dumps(choices_text([choice_of(fresh_data=kept)])))
        check_same(tmp_path, new)
    other = tsv(tmp_path, "text\tlabel\na newer one\tyes\n")
    with pytest.raises(UsageError, match=r"began with, 1 of new\.tsv, but new\.tsv holds others; give that file"):
        check_same(tmp_path, other)
    with pytest.raises(UsageError, match="but none are given"):
        check_same(tmp_path, None)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(UsageError, match="random weights have none"):
        SweepConfig(random_weights=True, confirm_data="new.tsv")
    with pytest.raises(UsageError, match="--confirm-data compares the choice with the baseline at the end"):
        check_confirm_data("new.tsv", confirm=False, resumed=False)
    check_confirm_data("new.tsv", confirm=False, resumed=True)


@pytest.mark.parametrize("damaged", [[], "x", {}, {"digest": 1, "left_out": {}}, {"digest": "d", "left_out": [1]}])
def test_a_damaged_record_is_refused_by_the_files_name(tmp_path: Path, damaged: Any) -> None:
    text = choices_text([choice_of(fresh_data={"digest": "d", "left_out": {}})])
    text["choices"][0]["fresh_data"] = damaged
    (tmp_path / CONFIRMATION_FILE).write_text(json.dumps(text))
    with pytest.raises(UsageError, match=r"confirmation\.json must say what was chosen"):
        read_choices(tmp_path)


def test_a_choice_of_before_there_were_fresh_examples_is_read(tmp_path: Path) -> None:
    text = choices_text([choice_of()])
    del text["choices"][0]["fresh_data"]
    (tmp_path / CONFIRMATION_FILE).write_text(json.dumps(text))
    assert read_choices(tmp_path)[0].fresh_data is None

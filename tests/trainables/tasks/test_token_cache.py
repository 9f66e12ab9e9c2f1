"""The cache of tokens: what comes back is what was computed, and nothing stale or damaged ever does."""

import dataclasses
import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file

from trainables.tasks import get_task, token_cache
from trainables.tasks.classification import Examples
from trainables.tasks.demo import demo_tokenizer
from trainables.tasks.squad_data import SquadExamples

TEXTS = ("the film is good", "the food is not bad at all", "bad", "a good plot")


class Counted:
    """A task that counts how often it tokenises."""

    def __init__(self, name="sst2"):
        self.task, self.name, self.calls = get_task(name), name, 0

    def tokenize(self, examples, tokenizer):
        self.calls += 1
        return self.task.tokenize(examples, tokenizer)


def examples(texts=TEXTS, second=None, labels=None):
    return Examples(texts, second, np.array(labels or [1, 1, 0, 1][: len(texts)]), 2)


def paragraphs():
    text = "the good film is long"
    return SquadExamples(
        contexts=(text,),
        context=np.array([0, 0]),
        questions=("what is long", "is it good"),
        answers=(("film", "the film"), ("good",)),
        answer_start=np.array([9, 4]),
        left_out={"no answer": 3},
    )


@pytest.fixture
def tokenizer():
    return demo_tokenizer()


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        for mine, theirs in zip(one, other, strict=True):
            assert_same(mine, theirs)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("name", "make"), [("sst2", examples), ("qqp", lambda: examples(second=TEXTS[::-1])), ("squad", paragraphs)]
)
def test_what_comes_back_is_what_was_computed(name, make, tokenizer, tmp_path):
    task = Counted(name)
    first = token_cache.tokenized(task, make(), tokenizer, tmp_path)
    again = token_cache.tokenized(task, make(), tokenizer, tmp_path)
    assert task.calls == 1
    assert_same(again, first)
    assert_same(again, task.task.tokenize(make(), tokenizer))
    assert_same(task.task.inputs(again, 12), task.task.inputs(first, 12))


def test_arrays_are_mapped_not_read(tokenizer, tmp_path):
    for _ in range(2):
        got = token_cache.tokenized(Counted(), examples(), tokenizer, tmp_path)
    values = got.first.values
    assert type(values) is np.ndarray
    assert not values.flags.writeable
    while values.base is not None and not isinstance(values, np.memmap):
        values = values.base
    assert isinstance(values, np.memmap)


def other_tokenizer():
    """One word more: ids behind it move."""
    tokenizer = demo_tokenizer()
    tokenizer.add_tokens(["plot"])
    return tokenizer


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": other_tokenizer},
        {"examples": lambda: examples(TEXTS[:3])},  # another limit
        {"examples": lambda: examples((*TEXTS[:3], "a good plan"))},  # another text
        {"examples": lambda: examples(labels=[1, 1, 0, 0])},  # another label
        {"examples": lambda: examples(("the film is", "good the food is not bad at all", *TEXTS[2:]))},  # moved
        {"examples": lambda: examples(second=TEXTS)},
        {"task": lambda: Counted("tsv")},
    ],
    ids=["tokenizer", "limit", "text", "label", "boundary", "second", "task"],
)
def test_a_change_never_reuses_an_entry(change, tokenizer, tmp_path):
    token_cache.tokenized(Counted(), examples(), tokenizer, tmp_path)
    task = change.get("task", Counted)()
    token_cache.tokenized(task, change.get("examples", examples)(), change.get("tokenizer", demo_tokenizer)(), tmp_path)
    assert task.calls == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_a_used_tokenizer_is_the_same_tokenizer(tokenizer):
    before = token_cache.key(Counted(), examples(), tokenizer)
    tokenizer(list(TEXTS), truncation=True, max_length=8, padding="max_length")
    assert token_cache.key(Counted(), examples(), tokenizer) == before


def test_a_changed_data_file_is_another_entry(tokenizer, tmp_path):
    data, cache, task = tmp_path / "data", tmp_path / "cache", Counted()
    data.mkdir()
    for text in ("good film", "good film", "bad film"):
        (data / "dev.tsv").write_text(f"sentence\tlabel\n{text}\t1\n")
        token_cache.tokenized(task, task.task.load("validation", data), tokenizer, cache)
    assert task.calls == 2


def test_changed_code_is_another_entry(tokenizer, tmp_path, monkeypatch):
    before = token_cache.key(Counted(), examples(), tokenizer)
    monkeypatch.setattr(token_cache, "version", lambda name: "99")
    assert token_cache.key(Counted(), examples(), tokenizer) != before
    monkeypatch.undo()
    assert token_cache.key(Counted(), examples(), tokenizer) == before
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda p: read_bytes(p) + (b"#" if p.name == "squad.py" else b""))
    assert token_cache.key(Counted(), examples(), tokenizer) != before


def flip_byte(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def name_another_class(file):
    """Whole, by its digests, but not what an entry may hold."""
    body = json.loads(file.read_text())["body"].replace("trainables.tasks.classification", "subprocess")
    file.write_text(json.dumps({"sha256": hashlib.sha256(body.encode()).hexdigest(), "body": body}))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("arrays.safetensors", flip_byte),
        ("arrays.safetensors", lambda f: f.write_bytes(f.read_bytes()[:-4])),
        ("index.json", flip_byte),
        ("index.json", lambda f: f.write_text("{")),
        ("index.json", name_another_class),
    ],
)
def test_a_damaged_entry_is_found_and_computed_again(name, damage, tokenizer, tmp_path, caplog):
    task = Counted()
    whole = token_cache.tokenized(task, examples(), tokenizer, tmp_path)
    (entry,) = tmp_path.iterdir()
    damage(entry / name)
    with caplog.at_level(logging.WARNING):
        assert_same(token_cache.tokenized(task, examples(), tokenizer, tmp_path), whole)
    assert task.calls == 2
    assert "damaged" in caplog.text
    token_cache.tokenized(task, examples(), tokenizer, tmp_path)
    assert task.calls == 2


def test_an_unwritable_cache_costs_a_warning(tokenizer, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    task = Counted()
    got = token_cache.tokenized(task, examples(), tokenizer, tmp_path / "file" / "cache")
    assert_same(got, task.task.tokenize(examples(), tokenizer))
    assert "tokens are not cached" in caplog.text


def test_a_full_disk_costs_a_warning(tokenizer, tmp_path, caplog, monkeypatch):
    def full(*arguments):
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(token_cache, "save_file", full)
    task = Counted()
    got = token_cache.tokenized(task, examples(), tokenizer, tmp_path)
    assert_same(got, task.task.tokenize(examples(), tokenizer))
    assert "No space left on device" in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_every_kind_of_array_comes_back(dtype, shape, tmp_path):
    array = np.arange(np.prod(shape), dtype=int).astype(dtype).reshape(shape)
    backwards = array.T[::-1] if shape else array  # not contiguous
    token_cache._write(tmp_path / "entry", (array, backwards))
    assert_same(token_cache._read(tmp_path / "entry"), (array, backwards))


def test_any_reader_of_safetensors_reads_the_arrays(tokenizer, tmp_path):
    whole = token_cache.tokenized(Counted(), examples(), tokenizer, tmp_path)
    (entry,) = tmp_path.iterdir()
    arrays = list(load_file(entry / "arrays.safetensors").values())
    assert any(np.array_equal(a, whole.first.values) for a in arrays)


def test_an_entry_of_another_container_is_computed_again(tokenizer, tmp_path):
    """Entries of earlier code have other names; one with this name is not read."""
    task = Counted()
    whole = token_cache.tokenized(task, examples(), tokenizer, tmp_path)
    (entry,) = tmp_path.iterdir()
    (entry / "arrays.safetensors").rename(entry / "arrays.bin")
    for _ in range(2):
        assert_same(token_cache.tokenized(task, examples(), tokenizer, tmp_path), whole)
    assert task.calls == 2


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv(token_cache.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert token_cache.cache_folder() == tmp_path / "jouletune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert token_cache.cache_folder() == Path.home() / ".cache" / "jouletune"
    monkeypatch.setenv(token_cache.VARIABLE, "off")
    assert token_cache.cache_folder() is None
    monkeypatch.setenv(token_cache.VARIABLE, str(tmp_path / "mine"))
    assert token_cache.cache_folder() == tmp_path / "mine"


def test_off_means_off(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv(token_cache.VARIABLE, "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    task = Counted()
    for _ in range(2):
        token_cache.tokenized(task, examples(), tokenizer)
    assert task.calls == 2
    assert list(tmp_path.iterdir()) == []


def test_old_entries_go(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(token_cache, "KEPT_ENTRIES", 2)
    for age, n in enumerate((1, 2, 3, 4)):
        token_cache.tokenized(Counted(), examples(TEXTS[:n]), tokenizer, tmp_path)
        for entry in tmp_path.iterdir():
            os.utime(entry, (entry.stat().st_mtime - 100 + age,) * 2)
    assert len(list(tmp_path.iterdir())) == 2
    task = Counted()
    token_cache.tokenized(task, examples(TEXTS), tokenizer, tmp_path)
    assert task.calls == 0

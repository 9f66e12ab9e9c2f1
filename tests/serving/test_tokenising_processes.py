"""Texts tokenised in processes beside the predictor's: the same answers, and nothing lost when one ends."""

import itertools
import logging
import os
import signal

import pytest

from search_spaces.errors import UsageError
from serving.predictor import Predictor
from serving.tokenising_processes import WORTH_IT, TokenisingProcesses, default_count

WORDS = ["a", "fine", "film", "dull", "slow", "story", "not", "very", "great", "and"]
TEXTS = [" ".join(words) for words in itertools.product(WORDS, repeat=4)][: 6 * WORTH_IT]


@pytest.fixture(scope="module")
def predictor(exported):
    loaded = Predictor.load(exported, processes=2, threads=1)
    loaded._processes.wait(60)
    return loaded


def tokenised_by(predictor, monkeypatch):
    """Where each chunk is tokenised, as it happens: process or here."""
    told = []
    there = predictor._processes.prepared

    def asked(texts):
        found = there(texts)
        told.append("process" if found is not None else "here")
        return found

    monkeypatch.setattr(predictor._processes, "prepared", asked)
    return told


def test_answers_are_those_of_one_process(predictor, exported, monkeypatch):
    monkeypatch.setattr(predictor, "_chunk_texts", WORTH_IT)
    told = tokenised_by(predictor, monkeypatch)
    assert predictor.predict(TEXTS) == Predictor.load(exported, threads=1).predict(TEXTS)
    assert told == ["process"] * 6


def test_a_few_texts_are_tokenised_here(predictor, monkeypatch):
    told = tokenised_by(predictor, monkeypatch)
    assert len(predictor.predict(TEXTS[: WORTH_IT - 1])) == WORTH_IT - 1
    assert told == ["here"]


def test_counts_are_of_all_of_them(predictor):
    before = predictor.counts
    predictor.predict(TEXTS)
    assert predictor.counts.texts - before.texts == len(TEXTS)
    assert predictor.counts.tokenising_s > before.tokenising_s


def test_what_one_cannot_tokenise_it_leaves(predictor):
    good, bad = [("a fine film",)] * WORTH_IT, ("a", "b")
    assert predictor._processes.prepared([*good, bad]) is None
    assert predictor._processes.prepared(good).texts == WORTH_IT


@pytest.mark.slow
def test_when_they_end_the_rest_is_tokenised_here(exported, monkeypatch, caplog):
    predictor = Predictor.load(exported, processes=2, threads=1)
    predictor._processes.wait(60)
    wanted = predictor.predict(TEXTS)
    for one in predictor._processes._all:
        os.kill(one.running.pid, signal.SIGKILL)
        one.running.wait()
    monkeypatch.setattr(predictor, "_chunk_texts", WORTH_IT)
    with caplog.at_level(logging.WARNING, logger="serving"):
        assert predictor.predict(TEXTS) == wanted
    assert caplog.text.count("a process that tokenises ended") == 2


@pytest.mark.slow
def test_one_that_does_not_start_is_said_and_waited_for_no_longer(tmp_path, caplog, capfd):
    with caplog.at_level(logging.WARNING, logger="serving"):
        processes = TokenisingProcesses(tmp_path / "none", "sst2", 8, count=1)
        processes.wait(30)
    assert "a process that was to tokenise did not start" in caplog.text
    assert processes.prepared([("a",)] * WORTH_IT) is None
    assert "none" in capfd.readouterr().err


@pytest.mark.slow
def test_they_end_with_the_predictor(exported):
    predictor = Predictor.load(exported, processes=1, threads=1)
    process = predictor._processes._all[0].running
    assert process.poll() is None
    del predictor
    assert process.wait(timeout=10) == 0


def test_none_beside_a_cpu_and_refused_below_zero(exported):
    assert default_count("cpu") == 0
    assert default_count("cuda") <= 3
    with pytest.raises(UsageError, match="processes must be 0 or more"):
        Predictor.load(exported, processes=-1)

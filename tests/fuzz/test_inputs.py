"""Models, tokenizers and tables as they come from elsewhere: a right answer, a warning or one line of refusal.

Each input is a folder of a tiny model and a folder of TSV files, drawn from a seed, some with one thing odd about them.
It goes through the checks of a sweep (`tuner.plan`, `tuner.inputs`); what they accept is run as a trial runs it.
"Right" is judged by plain Transformers, one text at a time without padding, on the texts that the generator meant.

    python -m pytest tests/fuzz/test_inputs.py -m slow -s     # 2,000 inputs
    FUZZ_SEED=N python -m pytest tests/fuzz/test_inputs.py    # input N alone, as a failure names it
"""

import os
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from search_spaces.errors import UsageError
from search_spaces.sweep_config import Axes, SweepConfig
from search_spaces.trial_config import TrialConfig
from tests.fuzz import odd_models, odd_tables, odd_tokenizers
from tests.fuzz.odd_tables import Data
from tests.make.passes import CPU
from trainables.device import BackendError
from trainables.load import cut, prepare
from trainables.model.loading import from_files, load_pretrained
from trainables.tasks import get_task
from trainables.tasks.base import Scores
from tuner.inputs import SweepInputs, load_inputs
from tuner.plan import plan

FEW, MANY = 40, 2000
CLOSE = 1e-3  # of logits; two classes nearer to each other than this may change places
TSV = get_task("tsv")


@dataclass(frozen=True)
class Made:
    """One input."""

    config: SweepConfig
    trial_axes: Axes
    dev: Data | None  # what the evaluation file means; None where it was damaged
    order: tuple[int, ...]  # class of the data -> number of the model's output
    told: str  # what is odd about it

    @property
    def folder(self) -> str:
        return self.config.models[0].source


def make(rng: random.Random, folder: Path) -> Made:
    odd = rng.choice(("", "", "", "", "model", "model", "model", "tokenizer", "tokenizer", "table", "all"))
    train, dev = odd_tables.draw(rng)
    model, data = folder / "model", folder / "data"
    tokenizer, kind = odd_tokenizers.make(rng, odd in ("tokenizer", "all"))
    shown, order = labels_of_model(rng, dev.names)
    vocabulary = len(tokenizer) + rng.choice((0, 0, 5))
    told = [odd_models.make(rng, model, vocabulary, tokenizer.pad_token_id, shown, odd in ("model", "all"))]
    if "id2label" in told[0]:
        order = tuple(range(len(order)))
    told.append(odd_tokenizers.write(rng, tokenizer, model, odd in ("tokenizer", "all") and rng.random() < 0.7))
    told.append(odd_tables.write(rng, train, dev, data, odd in ("table", "all")))
    axes = Axes(
        max_seq_len=(rng.choice((8, 9, 16, 32)),),
        depth=("full",),
        precision=("fp32",),
        batch_size=(rng.choice((1, 3, 64)),),
        padding=(rng.choice(("max_length", "longest", "packed")),),
    )
    source = {"checkpoint": str(model)} if rng.random() < 0.7 else {"model": str(model)}
    config = SweepConfig(task="tsv", data_dir=str(data), axes=axes, **source)
    said = f"{next(iter(source))} {kind}; {'; '.join(filter(None, told))}"
    damaged = "table " in told[-1] or "no train" in told[-1]
    return Made(config, axes, None if damaged else dev, order, said)


def labels_of_model(rng: random.Random, names: Sequence[str]) -> tuple[list[str], tuple[int, ...]]:
    """What a model's config calls the classes, and the number of the output of each."""
    order = list(range(len(names)))
    kind = rng.randrange(5)
    if kind == 0:
        return [f"LABEL_{i}" for i in order], tuple(order)
    if kind == 1:
        return [f"class of mine {'abc'[i]}" for i in order], tuple(order)
    rng.shuffle(order)
    change = rng.choice((str, str.upper, str.title, lambda name: name.replace("_", " ")))
    return [change(names[order.index(i)]) for i in range(len(names))], tuple(order)


def measured(made: Made, trial: TrialConfig, inputs: SweepInputs) -> tuple[np.ndarray, Scores]:
    """Logits and scores of the trial, as a measuring process makes them."""
    assert inputs.first.checkpoint is not None
    with torch.inference_mode():
        of_model = TSV.inputs(inputs.first.validation, trial.max_seq_len)
        load = prepare(trial, cut(trial, from_files(inputs.first.checkpoint), CPU), of_model)
        outputs = load.outputs()
    return outputs, TSV.score(outputs, inputs.first.validation, of_model)


def encodings(made: Made, dev: Any, max_seq_len: int) -> list[Any]:
    """Each text as plain Transformers gives it to the model."""
    tokenizer = AutoTokenizer.from_pretrained(made.folder)
    texts = list(zip(dev.first, dev.second, strict=True)) if dev.second is not None else [(t,) for t in dev.first]
    return [tokenizer(*t, truncation=True, max_length=max_seq_len, return_tensors="pt") for t in texts]


def arguments(model: Any, encoding: Any) -> dict[str, Any]:
    """What the model takes of it: token types only where it has an embedding of them."""
    types = ["token_type_ids"] if hasattr(model.config, "type_vocab_size") else []
    return {name: encoding[name] for name in ("input_ids", "attention_mask", *types) if name in encoding}


def plain_model(made: Made, kind: Any) -> Any:
    """Transformers' own model; it cannot answer itself where the config asks for tuples, or for pieces of a length."""
    config = AutoConfig.from_pretrained(made.folder)
    config.return_dict, config.chunk_size_feed_forward = True, 0
    return kind.from_pretrained(made.folder, config=config, dtype=torch.float32).eval()


def plain_logits(made: Made, dev: Any, max_seq_len: int) -> np.ndarray:
    model = plain_model(made, AutoModelForSequenceClassification)
    with torch.inference_mode():
        rows = [model(**arguments(model, e)).logits[0].numpy() for e in encodings(made, dev, max_seq_len)]
    return np.stack(rows)[:, list(made.order)]


def check_encoder(made: Made, dev: Any, inputs: SweepInputs, max_seq_len: int) -> None:
    """What a fine-tuning begins with is the encoder of the folder."""
    ours = from_files(load_pretrained(made.folder, TSV.head, inputs.label_names, 42)).base_model
    plain = plain_model(made, AutoModel)
    with torch.inference_mode():
        for encoding in encodings(made, dev, max_seq_len)[:3]:
            given = arguments(plain, encoding)
            expected, found = plain(**given).last_hidden_state, ours(**given).last_hidden_state
            np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=CLOSE, err_msg="another encoder")


def check_scores(made: Made, dev: Any, outputs: np.ndarray, scores: Scores, max_seq_len: int) -> None:
    expected = plain_logits(made, dev, max_seq_len)
    np.testing.assert_allclose(outputs, expected, atol=CLOSE, rtol=CLOSE, err_msg="other logits")
    best = np.sort(expected, axis=1)
    sure = best[:, -1] - best[:, -2] > 4 * CLOSE
    right = expected.argmax(axis=1) == np.array(dev.labels)
    np.testing.assert_array_equal(scores.correct[sure], right[sure], err_msg="other answers are right")
    if sure.all():
        assert scores.metrics["accuracy"] == pytest.approx(right.mean()), "another accuracy"


def outcome(made: Made) -> str:
    """How the input ends; AssertionError or any other error where it does not end well."""
    try:
        (trial,) = plan(made.config).trials
        inputs = load_inputs(made.config)
    except UsageError as refused:
        said = str(refused)
        assert 20 < len(said) < 2000, said
        assert "\n" not in said, said
        return "refused"
    dev = made.dev or TSV.load("validation", Path(str(made.config.data_dir)), None)
    if made.dev is not None:
        check_texts(made, dev)
    if inputs.first.checkpoint is None:
        check_encoder(made, dev, inputs, trial.max_seq_len)
        return "warned" if inputs.warnings else "right"
    try:
        outputs, scores = measured(made, trial, inputs)
    except BackendError:
        return "cannot run here"  # a row of the status failed, which says why
    check_scores(made, dev, outputs, scores, trial.max_seq_len)
    return "warned" if inputs.warnings else "right"


def check_texts(made: Made, dev: Data) -> None:
    read = TSV.load("validation", Path(str(made.config.data_dir)), None)
    assert (read.first, read.second) == (dev.first, dev.second), "other texts"
    assert tuple(read.labels) == dev.labels, "other labels"
    assert read.label_names == dev.names, "other names"


def fuzz(seeds: Sequence[int], folder: Path) -> None:
    """Try the inputs of the seeds; AssertionError with all that did not end well."""
    ends: Counter[str] = Counter()
    failures = []
    for seed in seeds:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other libraries, as in a sweep
                made = make(random.Random(f"inputs {seed}"), folder / str(seed))
                if len(seeds) == 1:
                    print(made.told)
                ends[outcome(made)] += 1
        except Exception as error:
            if len(seeds) == 1:
                raise
            said = " ".join(str(error).split())[:300]
            failures.append(f"FUZZ_SEED={seed}: {type(error).__name__}: {said}")
        shutil.rmtree(folder / str(seed))
    print(f"{len(seeds)} inputs: {', '.join(f'{count} {end}' for end, count in ends.most_common())}")
    assert not failures, f"{len(failures)} of {len(seeds)}:\n" + "\n".join(failures)


@pytest.mark.seconds
@pytest.mark.timeout(600)
def test_a_few(tmp_path: Path) -> None:
    only = os.environ.get("FUZZ_SEED")
    fuzz([int(only)] if only else range(FEW), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many(tmp_path: Path) -> None:
    fuzz(range(FEW, FEW + int(os.environ.get("FUZZ_INPUTS", str(MANY)))), tmp_path)

"""Weights are safetensors, and no model brings code of its own."""

import json
import os
import pickle
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from search_spaces.errors import UsageError
from tests.make import models as tiny
from trainables.model import loading

HEAD = "sequence_classification"


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def pickled(folder: Path, name: str = "pytorch_model.bin") -> Path:
    """A model folder whose weights are a pickle."""
    model = tiny.model()
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / name)
    return folder


@pytest.mark.seconds
@pytest.mark.parametrize("load", ["base", "checkpoint"])
def test_pickled_weights_are_refused_with_the_command_that_converts_them(tmp_path: Path, load: str) -> None:
    folder = str(pickled(tmp_path / "a folder"))

    def weights() -> dict[str, np.ndarray]:
        if load == "base":
            return loading.load_pretrained(folder, HEAD, ("0", "1"), seed=0).weights
        return loading.load_checkpoint(folder, HEAD, ("0", "1"))[0].weights

    with pytest.raises(UsageError, match="a pickle, which can run code when it is loaded") as refused:
        weights()
    command = re.search("convert it: (python .*)$", str(refused.value)).group(1)
    _, *arguments = shlex.split(command)
    subprocess.run([sys.executable, *arguments], check=True)
    again = weights()
    expected = tiny.model().state_dict()
    assert set(again) == set(expected)
    kept = [name for name in expected if load == "checkpoint" or not name.startswith("classifier")]  # or a new head
    assert all(np.array_equal(again[name], expected[name].numpy()) for name in kept)


@pytest.mark.seconds
def test_the_conversion_runs_no_code_of_the_pickle(tmp_path: Path) -> None:
    pickled(tmp_path)
    fired = tmp_path / "fired"
    with (tmp_path / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"weight": Bomb(fired)}, file)
    command = loading.conversion_command([tmp_path / "pytorch_model.bin"])
    done = subprocess.run([sys.executable, *shlex.split(command)[1:]], capture_output=True, check=False)
    assert done.returncode != 0
    assert not fired.exists()


@pytest.mark.seconds
def test_shards_are_converted_into_one_file(tmp_path: Path) -> None:
    state = tiny.model().state_dict()
    names = sorted(state)
    for number, part in enumerate((names[:5], names[5:])):
        torch.save({n: state[n] for n in part}, tmp_path / f"pytorch_model-0000{number + 1}-of-00002.bin")
    command = loading.conversion_command(sorted(tmp_path.glob("pytorch_model*.bin")))
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True)
    from safetensors.torch import load_file

    assert set(load_file(tmp_path / "model.safetensors")) == set(names)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    tiny.config().save_pretrained(tmp_path)
    (tmp_path / "training_args.bin").write_bytes(b"a pickle of the Trainer's, and no weights")
    with pytest.raises(UsageError, match=r"must hold model\.safetensors"):
        loading.load_checkpoint(str(tmp_path), HEAD, ("0", "1"))


def test_a_pickle_beside_safetensors_is_not_read(tmp_path: Path) -> None:
    loading.save(tiny.model(), tmp_path)
    fired = tmp_path / "fired"
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(fired)))
    loading.load_checkpoint(str(tmp_path), HEAD, ("0", "1"))
    assert not fired.exists()


def test_a_model_of_the_hub_without_safetensors_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForSequenceClassification

    def refuse(*args: object, **options: object) -> None:
        assert options["use_safetensors"] is True
        assert options["trust_remote_code"] is False
        assert os.environ["DISABLE_SAFETENSORS_CONVERSION"] == "1"
        raise OSError("x does not appear to have a file and thus cannot be loaded with `safetensors`.")

    monkeypatch.setattr(AutoModelForSequenceClassification, "from_pretrained", refuse)
    monkeypatch.setattr(loading, "load_config", lambda model: tiny.config())
    with pytest.raises(UsageError, match="weights must be safetensors, and it offers none"):
        loading.load_pretrained("somebody/old-model", HEAD, ("0", "1"), seed=0)


@pytest.fixture
def with_code(tmp_path: Path) -> tuple[Path, Path]:
    """A model folder that names a Python file of its own (`auto_map`), and the file which that would create."""
    folder, fired = tmp_path / "model", tmp_path / "fired"
    loading.save(tiny.model(), folder)
    (folder / "own.py").write_text(f"open({str(fired)!r}, 'w').close()\nclass Own: pass\n")
    classes = {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"}
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": classes}))
    tokenizer = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder, fired


@pytest.mark.parametrize("what", ["config", "tokenizer", "base", "checkpoint"])
def test_a_model_brings_no_code_of_its_own(with_code: tuple[Path, Path], what: str) -> None:
    folder, fired = with_code
    load = {
        "config": loading.load_config,
        "tokenizer": loading.load_tokenizer,
        "base": lambda path: loading.load_pretrained(path, HEAD, ("0", "1"), seed=0),
        "checkpoint": lambda path: loading.load_checkpoint(path, HEAD, ("0", "1")),
    }[what]
    with suppress(UsageError):  # known architectures are loaded by Transformers' own classes
        load(str(folder))
    assert not fired.exists()


def test_it_would_if_it_were_let(with_code: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoConfig, dynamic_module_utils

    folder, fired = with_code
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(folder.parent / "cache"))
    with suppress(Exception):
        AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert fired.exists()

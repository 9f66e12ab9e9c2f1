"""The fine-tuned models of a run: which are there and whole, which must be made, and from which checkpoint on.

One is made for each (model, seed) of the sweep.
"""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from trainables.finetune.finetune_trainable import STATE_FILE
from trainables.model.loading import WEIGHTS_FILE
from trainables.rows.folder import weights_name
from tuner.run.checkpoints import DIGESTS_FILE, damage, write_digests
from tuner.run.folder import RunFolder
from tuner.run.storage import Storage

Made = tuple[str, int]  # name of the model, seed


class Weights:
    """One folder under checkpoints/ for each model and seed, which any Transformers program loads."""

    def __init__(self, config: SweepConfig, folder: RunFolder, storage: Storage) -> None:
        self.config, self.folder, self.storage = config, folder, storage

    @property
    def wanted(self) -> list[Made]:
        return [(model.name, seed) for model in self.config.models for seed in self.config.seeds]

    def name(self, made: Made) -> str:
        return weights_name(self.config.task, *made)

    def trial(self, made: Made) -> str:
        """The name of the fine-tuning trial."""
        return f"finetune-{self.name(made)}"

    def path(self, made: Made) -> Path:
        return self.folder.checkpoint(self.name(made))

    def missing(self) -> list[Made]:
        """Those that are not there yet."""
        return [made for made in self.wanted if not self.path(made).is_dir()]

    def drop_damaged(self, measured: Collection[str], anyway: bool | None) -> list[str]:
        """Remove models that are not as they were written, so that they are made again.

        `measured`: names of the trials with a row. Returns, in words, which models are made again although rows were
        measured with them. A model that rows were measured with cannot be made again byte
        for byte: that is a UsageError unless `anyway` (None: not offered).
        """
        remade = []
        for made in self.wanted:
            problem = self._problem(made)
            if not problem:
                continue
            rows = sum(self._measured_with(trial) == self.name(made) for trial in measured)
            if rows and not anyway:
                or_flag = "" if anyway is None else ", or have it made again and the rows marked by --resume-anyway"
                raise UsageError(
                    f"a fine-tuned model must stay as it was written, but {problem}, and {rows} rows were measured "
                    f"with it; restore it, or start another run{or_flag}"
                )
            if rows:
                which = "" if len(self.config.models) == 1 else f"{made[0]} "
                remade.append(f"the model {which}of seed {made[1]} was made again ({problem})")
            if self.path(made).is_dir():
                print(f"{problem}: it is made again", flush=True)
                shutil.rmtree(self.path(made))
        return remade

    def _measured_with(self, trial: str) -> str:
        """The name of the model that a trial was measured with. The longest: one may begin as another does."""
        names = (self.name(made) for made in self.wanted)
        return max((name for name in names if trial.startswith(f"{name}-")), key=len, default="")

    def _problem(self, made: Made) -> str:
        """What is wrong with a model; empty where it is whole. One without digests is taken as it is."""
        path = self.path(made)
        if not path.is_dir():
            return f"{path} is missing"
        found = damage(path) if (path / DIGESTS_FILE).is_file() else ""
        return f"in {path} {found}" if found else ""

    def newest(self, made: Made) -> tuple[str, dict[str, Any]] | None:
        """The latest whole checkpoint of a fine-tuning in any start: its folder in the run, its state."""
        found = [c for c in self.storage.checkpoints(self.trial(made), STATE_FILE) if "epoch" in c[1]]
        for name, state in sorted(found, key=lambda c: (c[1]["epoch"], c[0]), reverse=True):
            with self.storage.folder(name) as local:
                problem = damage(local)
            if not problem:
                return name, state
            print(f"the checkpoint {name} is not used: {problem}", flush=True)
        return None

    def resume_from(self, made: Made) -> str | tuple[Any, str] | None:
        """Where a fine-tuning trial goes on from: a folder, or (pyarrow file system, path)."""
        found = self.newest(made)
        if found is None:
            return None
        return self.storage.location(found[0]) if self.storage.remote else str(self.folder.path / found[0])

    def keep(self, made: Made, tokenizer: Any) -> bool:
        """Move the weights of a finished fine-tuning to checkpoints/; False where it is not finished."""
        found = self.newest(made)
        if found is None or found[1]["epoch"] < found[1]["epochs"]:
            return False
        target = self.path(made)
        temporary = target.with_name(target.name + ".tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        with self.storage.folder(found[0]) as local:
            for file in (WEIGHTS_FILE, "config.json"):
                shutil.copy2(local / file, temporary / file)
        tokenizer.save_pretrained(temporary)
        write_digests(temporary)
        temporary.rename(target)
        self.storage.push(target)
        used = {name for name, _ in self.storage.checkpoints(self.trial(made), STATE_FILE)}
        for name in used:  # weights and optimiser moments, three times the model
            self.storage.delete(name)
        return True

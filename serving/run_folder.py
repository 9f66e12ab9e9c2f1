"""What a run folder holds for those who take its winner away: the trial's row, the weights it measured, the names of
its classes, what the fine-tuning cost. Nothing of Ray's is read but result files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.errors import UsageError
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.digest import digest_of
from trainables.model.loading import ModelFiles, load_checkpoint
from trainables.rows.finished import last_results, rows_by_trial
from trainables.rows.folder import ENVIRONMENT_FILE, FINETUNE, experiments, trial_folders, weights_folder
from trainables.rows.recommendation import Recommended, read_recommendations
from trainables.rows.sweep_file import read_sweep
from trainables.tasks.base import Task


@dataclass(frozen=True)
class Source:
    """A measured trial of a run. `recommended`: what the report says of it; None where the trial was named."""

    run: Path
    sweep: SweepConfig
    row: Mapping[str, Any]
    recommended: Recommended | None

    @property
    def trial(self) -> TrialConfig:
        return TrialConfig.from_dict(dict(self.row))


def find(run: Path, trial: str | None) -> Source:
    """The trial that is named, else the one that the run's recommendation.json names. UsageError without one."""
    sweep = read_sweep(run, "give the folder that was --output-dir")
    recommended = None if trial is not None else _recommended(run)
    name = trial if trial is not None else _choice(recommended)
    rows = rows_by_trial(run)
    row = rows.get(name)
    if row is None:
        near = [known for known, r in rows.items() if r["status"] == "ok"][:3]
        raise UsageError(
            f"a trial to export must be one of the run's, but {run} has no row of {name!r}; its rows are named like "
            f"{', '.join(near) or 'none'}"
        )
    if row["status"] != "ok":
        raise UsageError(
            f"a trial to export must have been measured, but {name} is {row['status']}"
            f"{': ' + str(row['error']) if row.get('error') else ''}; name another with --trial"
        )
    return Source(run, sweep, row, recommended)


def _recommended(run: Path) -> Recommended:
    found = read_recommendations(run)
    chosen = [one for one in found if one.choice is not None]
    if not chosen:
        why = found[0].reason if found else "none of its trials has a valid energy"
        raise UsageError(
            f"a run is exported by what its report recommends, but it recommends nothing ({why.rstrip('.')}); name a "
            "trial with --trial ID"
        )
    if len(chosen) > 1:
        said = "; ".join(f"{one.heading}: {one.choice.trial}" for one in chosen if one.choice)
        raise UsageError(f"one trial is exported, but the report recommends several ({said}); name one with --trial ID")
    return chosen[0]


def _choice(recommended: Recommended | None) -> str:
    return "" if recommended is None or recommended.choice is None else recommended.choice.trial


def read_environment(run: Path) -> dict[str, Any]:
    """Where the run was made; {} where it does not say."""
    try:
        found = json.loads((run / ENVIRONMENT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def weights_source(source: Source) -> str:
    """Folder or hub id of the weights and the tokenizer that the trial measured."""
    if source.sweep.random_weights:
        raise UsageError(
            f"weights to export must be trained, but the run in {source.run} measured random ones (--random-weights); "
            "run it with a model that is fine-tuned"
        )
    if source.sweep.checkpoint is not None:
        return source.sweep.model_of(source.trial.model).source
    folder = weights_folder(source.run, source.trial.task, source.trial.model, source.trial.seed)
    if not folder.is_dir():
        raise UsageError(f"the weights of a trial must be in its run, but {folder} does not exist; restore it")
    return str(folder)


def label_names(source: Source, task: Task, weights: str) -> tuple[str, ...]:
    """The classes in the order of their numbers; none where the head does not classify."""
    if task.head != "sequence_classification":
        return ()
    known = read_environment(source.run).get("classes")
    if isinstance(known, list) and known and all(isinstance(name, str) for name in known):
        return tuple(known)
    if source.sweep.checkpoint is not None:
        raise UsageError(
            f"the classes of a model that was not fine-tuned by the run must be in its {ENVIRONMENT_FILE}, but "
            f"{source.run} says none; measure it again with this version"
        )
    config = json.loads((Path(weights) / "config.json").read_text(encoding="utf-8"))  # named by the fine-tuning
    return tuple(config["id2label"][str(number)] for number in range(len(config["id2label"])))


def load_weights(source: Source, task: Task, weights: str, labels: tuple[str, ...]) -> ModelFiles:
    """The full model in fp32. UsageError where its digest is not the row's."""
    files, _ = load_checkpoint(weights, task.head, labels)
    wanted = source.row.get("weights_digest")
    found = digest_of(files.weights)
    if wanted is not None and wanted != found:
        raise UsageError(
            f"the weights of a trial must be those that it measured (digest {wanted}), but those in {weights} have "
            f"{found}; restore them, or measure again"
        )
    return files


def finetuning_cost(source: Source) -> dict[str, Any] | None:
    """What fine-tuning the trial's model took with its seed; None where the run did not, or does not say."""
    found: dict[str, Any] | None = None
    for experiment in experiments(source.run, FINETUNE):
        for folder in trial_folders(experiment):
            last = next(last_results(folder), None)
            if last is None or "train_energy_j" not in last or last.get("seed") != source.trial.seed:
                continue
            if len(source.sweep.models) == 1 or last.get("model") == source.trial.model:
                found = {k: last.get(k) for k in ("epoch", "train_energy_j", "train_energy_source", "train_s")}
    return found

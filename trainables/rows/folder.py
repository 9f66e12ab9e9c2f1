"""Where a run folder keeps its experiments; whatever is read from it or written to it stays in it."""

import os
import stat
from pathlib import Path

from search_spaces.errors import UsageError
from search_spaces.models import model_slug

SWEEP_FILE, ENVIRONMENT_FILE = "sweep.json", "environment.json"
MEASURE, FINETUNE = "measure", "finetune"  # the phases of a run: they name its experiments and mark the jobs of trials


def check_folder(folder: Path) -> None:
    """UsageError where a run folder holds a link that leads out of it, or a pipe, device or socket.

    Whatever is read from or written to the folder afterwards stays in it. The folder itself may be a link.
    """
    root = folder.resolve()
    waiting = [root]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except (FileNotFoundError, PermissionError):
            continue
        for entry in entries:
            if entry.is_symlink():
                target = Path(entry.path).resolve()
                if not target.is_relative_to(root):
                    raise UsageError(
                        f"a run folder must hold no link that leads out of it, but {entry.path} leads to {target}; "
                        "replace it by what it names (the run folder itself may be a link)"
                    )
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                raise UsageError(f"a run folder must hold files and folders, but {entry.path} is neither; delete it")


def experiments(path: Path, phase: str) -> list[Path]:
    """Ray experiments of a phase (MEASURE, FINETUNE), oldest first; `path` may also be one experiment itself.

    UsageError where the folder leads out of itself (`check_folder`).
    """
    if path.is_dir():
        check_folder(path)
    if path.name.startswith(f"{phase}-") and path.is_dir():
        return [path]
    found = [p for p in (path / "ray").glob(f"{phase}-*") if p.is_dir()]
    return sorted(found, key=lambda p: (len(p.name), p.name))


def weights_folder(run: Path, task: str, model: str, seed: int) -> Path:
    """Where a run keeps the weights that it fine-tuned."""
    return run / "checkpoints" / weights_name(task, model, seed)


def weights_name(task: str, model: str, seed: int) -> str:
    return f"{task}-{model_slug(model)}-s{seed}"


def trial_folders(experiment: Path) -> list[Path]:
    """The folders of an experiment, by name; not every one need be a trial's."""
    return sorted(p for p in experiment.iterdir() if p.is_dir())


def readable(name: str) -> str:
    """A file name as text: bytes that are none become "?"."""
    return name.encode("utf-8", "replace").decode("utf-8")

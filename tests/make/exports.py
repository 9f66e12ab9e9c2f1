"""Does what is taken away from a run answer as its trial did?"""

from pathlib import Path

import numpy as np

from serving.make_export import export
from serving.predictor import Predictor
from serving.run_folder import find
from trainables.rows.bits import decode_bits
from trainables.tasks import get_task


def check_answers(run: Path, trial: str, folder: Path) -> None:
    """Export a trial of a classification run into `folder`, and compare every answer with the trial's recorded bits."""
    source = find(run, trial)
    export(source, folder)
    task = get_task(source.trial.task)
    data_dir = None if source.sweep.data_dir is None else Path(source.sweep.data_dir)
    examples = task.load("validation", data_dir, source.sweep.measuring.eval_examples)
    columns = [examples.first, *([examples.second] if examples.second else [])]
    answers = [p.answer for p in Predictor.load(folder).predict(zip(*columns, strict=True))]
    right = np.array([examples.label_names.index(answer) for answer in answers]) == examples.labels
    np.testing.assert_array_equal(right, decode_bits(source.row["correct_bits"], len(examples)))

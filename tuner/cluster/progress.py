"""One line of progress per finished trial, and the metrics of the sweep, from Tune's callbacks."""

import time
from collections import Counter, deque
from typing import Any

from ray.tune import Callback

from search_spaces.axes import AXES
from search_spaces.objectives import score_names
from search_spaces.trial_config import PURPOSES
from trainables.energy.sources import estimates
from trainables.rows.folder import FINETUNE
from tuner.cluster.metrics import SweepMetrics
from tuner.run.causes import why_failed
from tuner.run.rows import phase_of
from tuner.stages import stage_line

STATUSES = ("ok", "pruned", "failed", "oom")  # of a row; shown from the start, as none
RECENT = 20  # finished trials whose pace predicts the time left


class Progress(Callback):
    """Counts trials of one phase and prints what came out of the last one.

    total: trials of the phase, 0 where nobody knows; done: those that an earlier start left.
    """

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self.done, self.running = total, done, 0
        self.ended: Counter[str] = Counter()  # by status
        self.kept = done
        self.metrics = SweepMetrics()
        self._begin = time.monotonic()
        self._finished: deque[float] = deque([time.monotonic()], maxlen=RECENT)

    @property
    def failed(self) -> int:
        return sum(n for status, n in self.ended.items() if status not in ("ok", "pruned"))

    def on_trial_start(self, trial: Any, **info: Any) -> None:
        self.running += 1
        if self._begin:  # a process was started, and imported what it needs; the next trials have it
            does = "fine-tunes" if phase_of(trial) == FINETUNE else "measures"
            self._print(stage_line(f"starting a process that {does}", time.monotonic() - self._begin))
            self._begin = 0.0
        self._publish(trial)

    def on_trial_result(self, trial: Any, result: dict[str, Any], **info: Any) -> None:
        if phase_of(trial) == FINETUNE:
            name, loss = trial.config["job"]["name"], result["train_loss"]
            self._print(f"{name}  epoch {result['epoch']}  loss {loss:.4f}  {_scores(result)}")
        else:
            self._row(result)
            self._count(measured_line(result))

    def on_trial_complete(self, trial: Any, **info: Any) -> None:
        self.running -= 1
        if phase_of(trial) == FINETUNE:
            self.ended["ok"] += 1
        self._publish(trial)

    def on_trial_recover(self, trial: Any, **info: Any) -> None:
        """Its process died, and it will be started again."""
        self.running -= 1
        self._publish(trial)

    def on_trial_error(self, trial: Any, **info: Any) -> None:
        self.running -= 1
        self.ended["failed"] += 1
        self._publish(trial)
        self._count(f"{trial.config['job']['name']}  given up: {why_failed(trial)}")

    def on_step_end(self, **info: Any) -> None:
        self.metrics.refresh(time.monotonic())

    def _row(self, row: dict[str, Any]) -> None:
        self.ended[row["status"]] += 1
        self.metrics.row(row, time.time())

    def _publish(self, trial: Any) -> None:
        states = dict.fromkeys(STATUSES, 0) | {"running": self.running, "kept": self.kept} | self.ended
        if self.total:
            # A row is counted when its result comes in, a moment before its trial ends.
            states["waiting"] = max(0, self.total - self.kept - self.running - sum(self.ended.values()))
        self.metrics.trials(phase_of(trial), states)

    def _count(self, last: str) -> None:
        self.done += 1
        self._finished.append(time.monotonic())
        pace = (self._finished[-1] - self._finished[0]) / (len(self._finished) - 1)
        left = (self.total - self.done) * pace
        self._print(
            f"[{self.done:>{len(str(self.total))}}/{self.total}] failed {self.failed}  "
            f"running {max(0, self.running - 1)}  left {_duration(left)}  {last}"
        )

    def _print(self, line: str) -> None:
        print(line, flush=True)


def measured_line(row: dict[str, Any]) -> str:
    """A finished row in words: the configuration and what came out."""
    number = f"{PURPOSES[row['purpose']]}{row['replicate']}"
    told = {name: axis for name, axis in AXES.items() if not axis.place or row.get(axis.place) is not None}
    name = " ".join([*(axis.spell(row[name], "tag") for name, axis in told.items()), number])
    if row["status"] != "ok":
        return f"{name}  {row['status']}: {row['error']}"
    unit = "J/example (estimated)" if row["energy_source"] in estimates() else "J/example"
    flags = f"  [{row['flags']}]" if row["flags"] and row["flags"] != "estimated" else ""
    return f"{name}  {_scores(row)}  {row['energy_j_per_example']:.4g} {unit}{flags}"


def _scores(result: dict[str, Any]) -> str:
    return "  ".join(f"{name} {result[name]:.4f}" for name in score_names() if result.get(name) is not None)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"

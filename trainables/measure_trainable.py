"""What Ray Tune runs for a measuring trial: a process that is kept from one configuration to the next."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ray
from ray import tune

from search_spaces.prune import PruneRule
from search_spaces.trial_config import TrialConfig
from trainables.error_lines import one_line
from trainables.failures import may_pass, out_of_memory
from trainables.measure import measure_trial
from trainables.model.loading import ModelFiles
from trainables.rows.folder import MEASURE
from trainables.rows.unmeasured import unmeasured_row
from trainables.worker import MeasuringData, Worker


class MeasureTrainable(tune.Trainable):
    """One Tune trial is one measured configuration; the actor (and its Worker) is reused for the next one.

    Config: job, a dict of phase (MEASURE), the fields of a TrialConfig, cpu and gpu; of a search also prune (a
    PruneRule); of a trial that is tried again attempt (`tuner.run.rows`).
    """

    PHASE = MEASURE
    attempt = 1
    reused = False  # this process has served a trial before
    ray_device: str | None = None

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        return tune.PlacementGroupFactory([{"CPU": config["job"]["cpu"], "GPU": config["job"]["gpu"]}])

    def setup(self, config: dict[str, Any], data: dict[str, MeasuringData], files: dict[str, dict[int, Any]]) -> None:
        """`data` and `files` (model, seed -> reference) of each of the sweep's models, the first of which the anchor is
        measured with."""
        self.ray_device = assigned_device()
        self.data, self.files = data, files
        first = next(iter(data))
        threads = config["job"].get("threads", config["job"]["cpu"])
        self.workers = {first: Worker(data[first], self._fetchers(first), threads, config["job"]["seed"])}
        self.reset_config(config)
        self.reused = False

    def reset_config(self, config: dict[str, Any]) -> bool:
        self.reused = True
        self.attempt = config["job"].get("attempt", 1)
        self.trial = TrialConfig.from_dict(config["job"])
        rule = config["job"].get("prune")  # of a search; a grid measures every trial in full
        self.prune = PruneRule.from_dict(rule) if rule else None
        return True

    @property
    def worker(self) -> Worker:
        """What measures the trial's model: a process keeps the weights of all models that it has met in the host's
        memory, so that the shuffled order of trials costs nothing."""
        model = self.trial.model
        if model not in self.workers:
            first, worker = next(iter(self.workers.items()))
            self.workers[model] = worker.beside(first, self.data[model], self._fetchers(model))
        return self.workers[model]

    def _fetchers(self, model: str) -> dict[int, Callable[[], ModelFiles]]:
        return {seed: partial(ray.get, reference) for seed, reference in self.files[model].items()}

    def step(self) -> dict[str, Any]:
        try:
            result = measure_trial(self.trial, self.worker, self.prune)
        except Exception as error:
            self.worker.synchronize()  # a broken CUDA context raises here: then the process must go, not the row
            if self.attempt == 1 and may_pass(error, self.reused):
                raise  # Tune tries once more, in a fresh process
            result = failed_row(self.trial, error, self.worker)
        return result | {"ray_device": self.ray_device, "done": True}

    def cleanup(self) -> None:
        next(iter(self.workers.values())).meter.close()


def failed_row(trial: TrialConfig, error: BaseException, worker: Worker | None) -> dict[str, Any]:
    """The row of a trial that could not be measured."""
    status = "oom" if out_of_memory(error) else "failed"
    return unmeasured_row(
        trial,
        status,
        f"{type(error).__name__}: {one_line(error)}"[:500],
        status,
        gpu_name=worker.meter.device.name if worker else None,
        gpu_uuid=worker.meter.device.uuid if worker else None,
        worker=worker.name if worker else None,
    )


def assigned_device() -> str:
    """What Ray gave this process: "1f0c9a2e/3" is GPU 3 of the node 1f0c9a2e, "1f0c9a2e/cpu" none of its GPUs."""
    context = ray.get_runtime_context()
    gpus = context.get_accelerator_ids().get("GPU") or ["cpu"]
    return f"{context.get_node_id()[:8]}/{'+'.join(gpus)}"

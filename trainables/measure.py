"""The measuring trial on one screen: prepare, score, measure, and the row of it."""

import time
from typing import TYPE_CHECKING, Any

import torch

from search_spaces.prune import PruneRule
from search_spaces.trial_config import CONFIRM, TrialConfig
from trainables.device import free_memory
from trainables.energy.processes import ForeignWatch
from trainables.energy.sampler import Sampler
from trainables.load import cut, prepare
from trainables.measured import Trial, measured_row, pruned_row, raw_of
from trainables.rows.columns import ANCHOR
from trainables.rows.flags import IMPLAUSIBLE
from trainables.tasks.base import Scores
from trainables.window import Windows, measure
from trainables.worker import FreshData, Worker

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def measure_trial(config: TrialConfig, worker: Worker, prune: PruneRule | None = None) -> dict[str, Any]:
    """Measure one configuration: the columns of a row, the table of its windows and its raw trace.

    With a rule, a trial whose bounds after one short window cannot join the frontier ends there: `pruned`.
    """
    started_at, start = time.time(), time.perf_counter()
    anchor = worker.due_anchor(config.seed)
    reference = worker.reference_pj_per_flop(config.precision)
    free_memory(worker.device)

    setup_start = time.perf_counter()
    model = cut(config, worker.master(config.seed), worker.device)
    fresh = worker.data.fresh if config.purpose == CONFIRM else None
    fresh_scores = None if fresh is None else _scored(config, worker, model, fresh)
    inputs = worker.inputs(config.max_seq_len)
    energy_inputs = worker.energy_inputs(inputs)
    with torch.inference_mode():
        load = prepare(config, model, inputs)
        scores = worker.task.score(load.outputs(), worker.data.validation, inputs)
        if energy_inputs is not inputs:
            del load  # before the next is there: the peak is that of one
            free_memory(worker.device)
            load = prepare(config, model, energy_inputs)
        setup_s = time.perf_counter() - setup_start
        trial = Trial(config, worker, load, scores, reference, started_at, start, setup_s, fresh_scores)

        def hopeless(probe: Windows) -> bool:
            """An energy that cannot be bounds nothing: the trial is measured in full, and its row flagged."""
            plausible = not probe.energies.flags & IMPLAUSIBLE
            return plausible and prune is not None and pruned_row(trial, probe, prune)["error"] is not None

        with ForeignWatch(worker.meter.foreign_processes) as watch, Sampler(worker.meter) as sampler:
            windows = measure(load.run_pass, worker.synchronize, sampler, worker.settings, hopeless if prune else None)
            trace = sampler.trace()

    if prune is not None and windows.stopped:
        row = pruned_row(trial, windows, prune)
    else:
        row = measured_row(trial, windows, watch.seen)
    return row | raw_of(windows, trace) | {ANCHOR: anchor}


def _scored(config: TrialConfig, worker: Worker, model: "PreTrainedModel", fresh: FreshData) -> Scores:
    """Scores on fresh examples. Before the load that is measured, so that none of its memory is in that one's peak."""
    inputs = worker.task.inputs(fresh.tokens, config.max_seq_len)
    with torch.inference_mode():
        outputs = prepare(config, model, inputs).outputs()
    free_memory(worker.device)
    return worker.task.score(outputs, fresh.tokens, inputs)

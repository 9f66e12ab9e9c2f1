"""A sweep of two trials and its confirmation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analysis.report.build import build_report
from analysis.report.summary import print_summary
from benchmarks.experiments.headlines import Arguments
from search_spaces.axes import AXES
from search_spaces.errors import UsageError, check
from search_spaces.presets import preset
from search_spaces.sweep_config import SweepConfig
from search_spaces.trial_config import TrialConfig
from trainables.model.loading import load_config
from tuner import sweep


def config_of(arguments: Arguments) -> SweepConfig:
    """The preset's sweep with the model and data that are given."""
    config = preset(arguments.preset)
    return replace(
        config,
        model=(arguments.model,) if arguments.model else config.model,
        data_dir=arguments.data_dir,
        checkpoint=(arguments.checkpoint,) if arguments.checkpoint else None,
        random_weights=arguments.checkpoint is None and not arguments.finetune,
    )


def pair(config: SweepConfig, layers: int, choice: Sequence[str]) -> list[TrialConfig]:
    """The published way, and the choice. UsageError for an axis or a value that is not known, or no change."""
    name = config.models[0].name
    baseline = TrialConfig(config.task, name, config.seeds[0], max(config.axes.max_seq_len), layers, "fp32")
    changes = dict(_change(text) for text in choice)
    check(bool(changes), "--choice must change something", "nothing", "give axis=value, as precision=fp16")
    return [baseline, replace(baseline, **changes)]


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"a change must be axis=value, but got {text!r}; as precision=fp16")
    return name, int(value) if AXES[name].kind == "int" else value


def run(arguments: Arguments) -> int:
    """The command; returns the exit code."""
    config = config_of(arguments)
    trials = pair(config, load_config(config.models[0].source).num_hidden_layers, arguments.choice)
    result = sweep.run(config, arguments.output, trials=trials)
    print_summary(build_report([result.path]))
    return 0 if result.complete else 1

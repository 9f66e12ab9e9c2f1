"""What a measuring trial is started with."""

from types import SimpleNamespace

from search_spaces.trial_config import TrialConfig
from tuner.driver import Driver


def driver(**layers):
    """A driver of models of so many layers, of which `job` needs no more."""
    return SimpleNamespace(
        inputs=SimpleNamespace(models={name: SimpleNamespace(layers=n) for name, n in layers.items()}),
        devices=SimpleNamespace(resources=lambda threads: {"cpu": 1, "gpu": 0}),
        config=SimpleNamespace(measuring=SimpleNamespace(cpu_threads=None)),
    )


def test_of_several_models_a_trial_knows_the_place_and_the_layers_of_its_own():
    trial = TrialConfig("demo", "small", 42, 16, 1, "fp32")
    job = Driver.job(driver(big=12, small=6), trial)
    assert (job["model_place"], job["layers"], job["depth"]) == (1, 6, 1)
    assert TrialConfig.from_dict(job) == trial
    assert {"model_place", "layers"}.isdisjoint(Driver.job(driver(small=6), trial))

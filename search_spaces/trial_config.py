"""One point of the sweep: `TrialConfig`, frozen and validated, never repaired."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from search_spaces.axes import AXES
from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.models import model_slug

# Why a trial is measured: to choose by (a grid's or a search's), or afresh, to confirm what was chosen.
SWEEP, CONFIRM = "sweep", "confirm"
PURPOSES = {SWEEP: "r", CONFIRM: "c"}  # and what the trial's number has before it in its name


def check_paddings(backend: str, paddings: Sequence[str]) -> None:
    """UsageError where the backend can run none of them."""
    own = BACKENDS[backend]
    padding = paddings[0] if len(paddings) == 1 else tuple(paddings)
    remedy = f"give --padding {own.padding}, or another backend"
    check(any(map(own.takes, paddings)), f"padding must be {own.padding} with the backend {backend}", padding, remedy)


@dataclass(frozen=True)
class TrialConfig:
    """One configuration of one fine-tuned model, measured once.

    The first three fields say which weights; those that are axes (`search_spaces.axes`), the model among them, are the
    configuration; `replicate` numbers the separate trials of the same configuration and purpose.
    """

    task: str
    model: str
    seed: int
    max_seq_len: int  # tokens, special tokens included
    depth: int  # encoder layers kept, counted from the embeddings
    precision: str
    batch_size: int = AXES["batch_size"].usual
    padding: str = AXES["padding"].usual
    backend: str = AXES["backend"].usual
    replicate: int = 0
    purpose: str = SWEEP

    def __post_init__(self) -> None:
        for name, value in self.configuration.items():
            AXES[name].check(value)
        check_paddings(self.backend, [self.padding])
        check(self.replicate >= 0, "replicate must not be negative", self.replicate, "count from 0")
        check(self.purpose in PURPOSES, f"purpose must be one of {', '.join(PURPOSES)}", self.purpose, "choose one")

    @property
    def configuration(self) -> dict[str, Any]:
        """Its value on each axis."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in AXES}

    @property
    def configuration_id(self) -> str:
        """Readable and unique for everything but the replicate and its purpose."""
        tags = [AXES[name].spell(value, "tag") for name, value in self.configuration.items() if name != "model"]
        return "-".join([self.task, model_slug(self.model), f"s{self.seed}", *tags])

    @property
    def trial_id(self) -> str:
        """The trial's name everywhere: in Ray, in the folder and in the tables."""
        return f"{self.configuration_id}-{PURPOSES[self.purpose]}{self.replicate}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrialConfig":
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

"""The axes of a sweep: what may vary between configurations, and how each is told. One entry here is one axis.

An axis is a field of `TrialConfig` and of `Axes`, and a column of a row, all of the same name; but the values of
`model` are what a sweep names with --model or --checkpoint. The order of the entries is the one in which a
configuration is told and in which a baseline is preferred.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.backends import BACKENDS
from search_spaces.errors import check
from search_spaces.models import model_slug
from search_spaces.precisions import PRECISIONS
from search_spaces.registry import Registry

PADDINGS = ("max_length", "longest", "packed")
MIN_SEQ_LEN, MAX_SEQ_LEN = 8, 512  # tokens


@dataclass(frozen=True)
class Axis:
    """`words`, `name_words` and `short_words` are patterns for a value: in a title, in the name of a configuration and
    where room is short."""

    name: str
    meaning: str  # of its column
    title: str  # of a table's column: "Length"
    word: str  # in a sentence: "length"
    plural: str
    label: str  # of a figure's axis: "Maximum length (tokens)"
    words: str
    tag: str  # pattern of a value in a trial's id
    distance: Callable[[Any], float]  # of a value from the one that a baseline prefers
    name_words: str = ""
    short_words: str = ""
    unit: str = ""
    usual: Any = None  # of a configuration that does not say
    choices: Mapping[str, Any] | tuple[str, ...] = ()  # of names; none: whole numbers, unless it is `free`
    free: bool = False  # its values are whatever names a sweep gives it
    short: Callable[[Any], Any] = lambda value: value  # of a value, before a pattern spells it
    place: str = ""  # column of a value's place in the order that was asked for: the first is what a baseline prefers
    least: int = 1
    most: int | None = None
    advice: str = "see --help"
    published: bool = False  # varied in the published experiment: always told, and what energy models are fitted over
    less: str = ""  # "shorter": a smaller value does less of the work, and may cost accuracy
    turn: int = field(default=99)  # when it is switched where a saving is taken apart

    @property
    def ordered(self) -> bool:
        """Its values are numbers, not names."""
        return not (self.choices or self.free)

    @property
    def kind(self) -> str:
        """Of its column: "int" or "str"."""
        return "int" if self.ordered else "str"

    def check(self, value: Any) -> None:
        """UsageError where the value is none of this axis."""
        if self.free:
            check(isinstance(value, str), f"{self.name} must be a name", value, self.advice)
            return
        if self.choices:
            check(value in self.choices, f"{self.name} must be one of {', '.join(self.choices)}", value, self.advice)
            return
        unit = self.unit.removesuffix("s") if self.least == 1 and self.most is None else self.unit
        bounds = f"at least {self.least}" if self.most is None else f"between {self.least} and {self.most}"
        inside = value >= self.least and (self.most is None or value <= self.most)
        check(inside, f"{self.name} must be {bounds} {unit}".strip(), value, self.advice)

    def from_baseline(self, value: Any) -> float:
        """How far a value is from what a baseline prefers; a configuration that does not say (None) is a usual one."""
        value = self.usual if value is None else value
        return math.inf if value is None else self.distance(value)

    def spell(self, value: Any, pattern: str = "words") -> str:
        """A value by one of the patterns: "48 tokens" of 48.0, and "1 layer"."""
        text, value = getattr(self, pattern) or self.words, self.short(value)
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        spelled = text.format(plain)
        return spelled.removesuffix("s") if plain == 1 and text.startswith("{} ") else str(spelled)


def _unlike(usual: str) -> Callable[[Any], float]:
    return lambda value: float(value != usual)


AXES: Registry[Axis] = Registry(
    "an axis",
    (
        Axis(
            name="model",
            meaning="hub id or folder of the encoder, or the name that it was given",
            title="Model",
            word="model",
            plural="models",
            label="Model",
            words="{}",
            tag="{}",
            distance=lambda value: 0.0,
            free=True,
            short=lambda value: model_slug(str(value)),
            place="model_place",
            advice="give a hub id, a folder or name=folder",
            turn=-1,
        ),
        Axis(
            name="precision",
            meaning="fp32 (TF32 off), tf32, bf16, fp16, or int8, fp8: linear layers alone, the rest bf16",
            title="Precision",
            word="precision",
            plural="precisions",
            label="Precision",
            words="{}",
            tag="{}",
            distance=PRECISIONS.rank,
            choices=PRECISIONS,
            published=True,
            turn=0,
        ),
        Axis(
            name="max_seq_len",
            meaning="inputs are truncated to this many tokens",
            title="Length",
            word="length",
            plural="lengths",
            label="Maximum length (tokens)",
            words="{} tokens",
            short_words="{} tok",
            tag="len{}",
            distance=lambda value: -value,
            unit="tokens",
            least=MIN_SEQ_LEN,
            most=MAX_SEQ_LEN,
            advice="give lengths like 16 32 64 128",
            published=True,
            less="shorter",
            turn=4,
        ),
        Axis(
            name="depth",
            meaning="encoder layers kept, from the embeddings up",
            title="Depth",
            word="depth",
            plural="depths",
            label="Layers kept",
            words="{} layers",
            short_words="{} L",
            tag="depth{}",
            distance=lambda value: -value,
            unit="layers",
            advice="give depths like 2 4 6",
            published=True,
            less="shallower",
            turn=5,
        ),
        Axis(
            name="batch_size",
            meaning="inputs per batch",
            title="Batch",
            word="batch size",
            plural="batch sizes",
            label="Batch size (examples)",
            words="batch {}",
            tag="b{}",
            distance=lambda value: abs(value - 64),
            unit="examples",
            usual=64,
            advice="64 is the paper's",
            turn=3,
        ),
        Axis(
            name="padding",
            meaning="max_length, longest or packed",
            title="Padding",
            word="padding",
            plural="paddings",
            label="Padding",
            words="padding {}",
            name_words="{}",
            short_words="{}",
            tag="{}",
            distance=_unlike("max_length"),
            usual="max_length",
            choices=PADDINGS,
            turn=1,
        ),
        Axis(
            name="backend",
            meaning="eager, cuda_graph, compile, compile_cuda_graph, onnxruntime, openvino, fused or fused_tanh "
            "(GELU's tanh form)",
            title="Backend",
            word="backend",
            plural="backends",
            label="Backend",
            words="{}",
            tag="{}",
            distance=_unlike("eager"),
            usual="eager",
            choices=BACKENDS,
            turn=2,
        ),
    ),
)


def published_axes() -> tuple[str, ...]:
    """The axes of the published experiment."""
    return tuple(name for name, axis in AXES.items() if axis.published)


def other_axes() -> tuple[str, ...]:
    """The axes that the published experiment held fixed."""
    return tuple(name for name, axis in AXES.items() if not axis.published)


def reducing_axes() -> tuple[str, ...]:
    """The axes whose smaller values do less of the work."""
    return tuple(name for name, axis in AXES.items() if axis.less)


def setting_axes() -> tuple[str, ...]:
    """The axes that change how the work is done and not how much of it: all but those with a `less`."""
    return tuple(name for name, axis in AXES.items() if not axis.less)

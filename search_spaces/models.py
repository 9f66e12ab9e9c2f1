"""The models of a sweep: what is given to --model and --checkpoint, and what rows and trials call it."""

import re
from dataclasses import dataclass
from pathlib import PurePath

from search_spaces.errors import check

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)=(?P<source>.+)")


@dataclass(frozen=True)
class NamedModel:
    """`name`: what rows and trials call it; `source`: where its files are, a hub id or a folder. The same, unless it
    was given as name=folder."""

    name: str
    source: str

    @classmethod
    def of(cls, text: str) -> "NamedModel":
        """The model that a hub id, a folder or name=folder means. A folder whose own path looks like the last is given
        as ./name=folder."""
        found = _NAMED.fullmatch(text)
        return cls(text, text) if found is None else cls(found["name"], found["source"])

    @property
    def slug(self) -> str:
        return model_slug(self.name)


@dataclass(frozen=True)
class Limits:
    """What a model cannot go beyond: encoder layers, and positions in tokens."""

    layers: int
    max_positions: int


def named_models(texts: tuple[str, ...]) -> tuple[NamedModel, ...]:
    """All of them, in their order. UsageError where two cannot be told apart in a trial's name."""
    found = tuple(NamedModel.of(text) for text in texts)
    slugs = [model.slug for model in found]
    alike = [model.source for model, slug in zip(found, slugs, strict=True) if slugs.count(slug) > 1]
    check(
        not alike,
        "the models of a sweep must differ in name, which is the last part of a path",
        alike,
        f"name them, as in first={alike[0] if alike else ''}",
    )
    return found


def model_slug(model: str) -> str:
    """The last part of a hub id or path, safe in a file name: "google-bert/bert-base" -> "bert-base"."""
    name = PurePath(model.rstrip("/")).name or model
    return "".join(c if c.isalnum() or c in "-._" else "_" for c in name)

"""Named things, each entered once; everything else iterates over them, and asks for one by its name."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from search_spaces.errors import UsageError


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


class Registry(dict[str, T]):
    """Items by name, in the order they were entered. A name that is not there is a `UsageError` that lists what is.

    `kind` is what one item is called in that message ("a precision"), `remedy` where a new one is entered, or what else
    helps.
    """

    def __init__(self, kind: str, items: Iterable[T], remedy: str = "see --help") -> None:
        super().__init__()
        self.kind, self.remedy = kind, remedy
        self._listeners: list[Callable[[T], object]] = []
        for item in items:
            self.add(item)

    def add(self, item: T) -> T:
        """Enter an item and return it; ValueError where its name is taken."""
        if item.name in self:
            raise ValueError(f"{self.kind} named {item.name!r} is entered already")
        self[item.name] = item
        for tell in self._listeners:
            tell(item)
        return item

    def on_add(self, tell: Callable[[T], object]) -> None:
        """Tell of every item that is entered from now on: a registry derived from this one stays complete."""
        self._listeners.append(tell)

    def __missing__(self, name: object) -> T:
        raise UsageError(f"{self.kind} must be one of {', '.join(self)}, but got {name!r}; {self.remedy}")

    def rank(self, name: object) -> int:
        """The place of a name in the order; behind all where it is not known (an old or a foreign table's)."""
        return next((i for i, known in enumerate(self) if known == name), len(self))

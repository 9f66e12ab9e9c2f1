"""Datasets of the Hugging Face hub, and what to say when it cannot be reached."""

from typing import Any

from search_spaces.errors import UsageError


def load_from_hub(path: str, config: str | None, split: str) -> Any:
    """A `datasets.Dataset`; whatever goes wrong has the same remedy: local files."""
    import datasets

    try:
        return datasets.load_dataset(path, config, split=split)
    except Exception as error:
        name = f"{path} ({config})" if config else path
        first_line = next(iter(str(error).splitlines()), "")
        raise UsageError(
            f"cannot load {name}, split {split}, from the Hugging Face hub: "
            f"{type(error).__name__}: {first_line}; check the network, or give local files: --data-dir DIR"
        ) from error

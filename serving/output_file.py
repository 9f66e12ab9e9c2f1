"""The file that answers go to: new, or one that was begun and is gone on with."""

from pathlib import Path

from search_spaces.errors import UsageError
from serving.text_files import Writer


def begun(path: Path, writer: Writer, resume: bool) -> list[str]:
    """The lines of answers that the file holds already; it is made where it is not there.

    A line that a kill cut short is removed. UsageError where the file exists and is not to be gone on with, or holds
    other than answers of this format.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(writer.header, encoding="utf-8")
        return []
    if not resume:
        raise UsageError(f"answers go into a new file, but {path} exists; give another --output, or --resume it")
    _drop_partial_line(path)
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(file)
    if writer.header and lines[:1] != [writer.header]:
        if lines:
            raise _not_ours(path, f"its first line is {lines[0][:60]!r}")
        path.write_text(writer.header, encoding="utf-8")
    return lines[1:] if writer.header else lines


def check_same(path: Path, writer: Writer, kept: list[str], anew: list[str]) -> None:
    """UsageError where the last answers of the file are not those that are computed `anew` of the same texts."""
    for line, answer in zip(kept[-len(anew) :] if anew else [], anew, strict=True):
        try:
            found = writer.answer_of(line)
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise _not_ours(path, f"it holds {line[:60]!r}") from error
        if found != writer.answer_of(writer.line(answer, 0.0)):
            raise _not_ours(path, f"where it has {found!r} this export answers {answer!r}")


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(
        f"a file to go on with must hold this export's answers to this input, but {path} does not ({why}); give another"
        " --output"
    )


def _drop_partial_line(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        at = size
        while at > 0:
            step = min(at, 1 << 16)
            file.seek(at - step)
            place = file.read(step).rfind(b"\n")
            if place >= 0:
                file.truncate(at - step + place + 1)
                return
            at -= step
        file.truncate(0)

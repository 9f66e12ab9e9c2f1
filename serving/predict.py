"""Texts in, answers out: `python -m serving.predict DIR < texts > labels`.

A text a line by default (a pair: two, with a tab between); --input and --output take .tsv, .csv and .jsonl files, with
the columns that the export names. Answers come in the order of the texts, a line each: the label or the answer, and its
score. A file that was begun is gone on with by --resume. --benchmark writes no answers but says how fast they come, and
at what energy.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import tyro

from search_spaces.command_line import check_known
from search_spaces.errors import UsageError, check
from serving.bundle import read_bundle
from serving.command import run_command
from serving.output_file import begun, check_same
from serving.text_files import Reader, Writer, format_of

if TYPE_CHECKING:
    from serving.predictor import Predictor

COMPARED = 8  # answers of a file that is gone on with, computed again
EVERY_S = 0.5  # of the progress line


@dataclass(frozen=True)
class Arguments:
    export: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The folder that serving.export made."""
    input: Path | None = None
    """File of texts. Default: standard input."""
    output: Path | None = None
    """File of answers; must not exist, but for --resume. Default: standard output."""
    format: str | None = None
    """Of the texts: lines, tsv, csv or jsonl. Default: by the extension of --input, else lines. Answers go by that of
    --output, else they have the same."""
    resume: bool = False
    """Go on with --output after its last whole line."""
    device: str | None = None
    """cuda or cpu. Default: the GPU where there is one."""
    backend: str | None = None
    """Another than the trial's, such as eager, which compiles nothing."""
    threads: int | None = None
    """CPU threads of PyTorch. Default: all cores; take fewer where others compute on them."""
    benchmark: bool = False
    """Answer the texts again and again for 10 s and print examples/s, J/example and the share of tokenising."""


def main(arguments: list[str] | None = None) -> int:
    prog = "python -m serving.predict"
    a, unknown = tyro.cli(Arguments, prog=prog, description=__doc__, args=arguments, return_unknown_args=True)
    check_known(unknown, Arguments, prog)
    check(not (a.resume and a.output is None), "--resume goes with --output", "none", "name the file of answers")
    check(not (a.benchmark and a.output), "--benchmark writes no answers", f"--output {a.output}", "leave one out")
    check(a.input is None or a.input.exists(), "--input must be a file of texts", str(a.input), "give one that exists")
    bundle = read_bundle(a.export, whole=False)
    form = format_of(a.input, a.format)
    reader = Reader("standard input" if a.input is None else str(a.input), form, bundle.text_columns)
    writer = Writer(format_of(a.output, None, form), "label" if bundle.labels else "answer")
    with ExitStack() as files:
        source: BinaryIO = sys.stdin.buffer if a.input is None else files.enter_context(a.input.open("rb"))
        kept = [] if a.output is None else begun(a.output, writer, a.resume)
        # torch and Transformers: not for --help, nor for a mistake
        if a.benchmark:
            from serving.benchmark import benchmark

            print(benchmark(a.export, list(reader.texts(source)), a.device, a.backend, a.threads))
            return 0
        from serving.predictor import Predictor

        predictor = Predictor.load(a.export, device=a.device, backend=a.backend, threads=a.threads)
        texts = reader.texts(source)
        if kept and a.output is not None:
            check_same(a.output, writer, kept, _again(predictor, texts, len(kept)))
        out: TextIO = sys.stdout if a.output is None else files.enter_context(a.output.open("a", encoding="utf-8"))
        if a.output is None:
            sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
            out.write(writer.header)
        _answer(predictor, texts, writer, out)
    return 0


def _again(predictor: "Predictor", texts: Iterator[tuple[str, ...]], kept: int) -> list[str]:
    """Pass over the texts that have an answer; the answers to the last few of them."""
    passed = sum(1 for _ in islice(texts, max(kept - COMPARED, 0)))
    last = list(islice(texts, min(kept, COMPARED)))
    if passed + len(last) < kept:
        raise UsageError(
            f"a file to go on with must have no more answers than there are texts, but it has {kept} and the input "
            f"{passed + len(last)}; give the same input, or another --output"
        )
    return [prediction.answer for prediction in predictor.predict(last)]


def _answer(predictor: "Predictor", texts: Iterator[tuple[str, ...]], writer: Writer, out: TextIO) -> None:
    shown, start, done = sys.stderr.isatty(), time.perf_counter(), 0
    told = start
    try:
        for prediction in predictor.stream(texts):
            out.write(writer.line(prediction.answer, prediction.score))
            done += 1
            if shown and done % 256 == 0 and (now := time.perf_counter()) - told > EVERY_S:
                told = now
                print(f"\r{done} answered, {done / (now - start):.0f}/s ", end="", file=sys.stderr, flush=True)
    finally:
        out.flush()
        if shown:
            print(f"\r{done} answered, {predictor.counts.cut} cut to the limit   ", file=sys.stderr)


if __name__ == "__main__":
    run_command(main)

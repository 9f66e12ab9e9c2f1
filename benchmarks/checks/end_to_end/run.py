"""Every way through one text, the staged row of the same configuration, whether answers agree, and the bars."""

from benchmarks.checks.end_to_end import PUBLISHED_BARS, SORTED_BARS, Arguments
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import write_json
from benchmarks.lib.raw_text import Found, printed, staged, timed
from benchmarks.lib.raw_text_agreement import Agreement, compared
from benchmarks.lib.raw_text_job import opened
from benchmarks.lib.raw_text_ways import PRODUCT, PUBLISHED, SORTED
from search_spaces.errors import check
from trainables.device import accelerator


def run(arguments: Arguments) -> int:
    """0 where every bar is met. UsageError without a CUDA device."""
    on_gpu = accelerator().type == "cuda"
    check(on_gpu or arguments.smoke, "this check needs a CUDA device", "none", "or exercise the code by --smoke")
    with opened(arguments) as job:
        row = staged(job, arguments.seconds)
        found = [timed(job, way, arguments.seconds) for way in job.ways]
        print(printed(job, found))
        shown = "unknown" if row.energy_j is None else f"{1e3 * row.energy_j:.4g} mJ/example"
        print(f"the same configuration as a trial measures it, on staged tensors: {shown}")
        agreement = compared(job, row.outputs)
        print(agreement)
        bars = [*energy_bars(found, row.energy_j, arguments), *agreement_bars(agreement, arguments)]
        about = job.about() | {"staged_j_per_example": row.energy_j, "ways": [one.kept(job) for one in found]}
        write_json(arguments.output, "end_to_end", about | {"agreement": agreement.kept(), "bars": records(bars)})
    return judge(bars)


def energy_bars(found: list[Found], staged_j: float | None, arguments: Arguments) -> list[Bar]:
    """What was not measured is missed. A peer that is not installed is no peer."""
    energy = {one.name: one.energy_j for one in found}
    ours = energy.pop(PRODUCT, None)
    peers = [energy_j for energy_j in energy.values() if energy_j is not None]

    def over(theirs: float | None) -> float | None:
        return None if theirs is None or not ours else theirs / ours

    bars = [
        Bar("raw over staged energy", None if ours is None or not staged_j else ours / staged_j, arguments.staged_bar)
    ]
    for name, way, asked, usual in (
        ("the published way over raw", PUBLISHED, arguments.published_bar, PUBLISHED_BARS),
        ("the sorted fp16 loop over raw", SORTED, arguments.sorted_bar, SORTED_BARS),
    ):
        limit = usual.get(arguments.task) if asked is None else asked
        if limit is not None:
            bars.append(Bar(name, over(energy.get(way)), limit, at_least=True))
    cheapest = over(min(peers, default=None))
    return [*bars, Bar("the cheapest peer over raw", cheapest, arguments.peer_bar, at_least=True)]


def agreement_bars(agreement: Agreement, arguments: Arguments) -> list[Bar]:
    """The first keeps the second honest: where all logits are wrong, every margin is small beside the difference."""
    return [
        Bar("largest logit difference over the logits' range", agreement.relative_difference, arguments.logit_bar),
        Bar("answers that differ against a margin of twice that difference", agreement.unexplained, 0),
    ]

"""Every way through one text, the staged row of the same configuration, and the bars."""

from benchmarks.checks.end_to_end import Arguments
from benchmarks.lib.bars import Bar, judge, records
from benchmarks.lib.output import write_json
from benchmarks.lib.raw_text import Found, opened, printed, staged_energy_j, timed
from benchmarks.lib.raw_text_ways import PRODUCT, PUBLISHED, SORTED
from search_spaces.errors import check
from trainables.device import accelerator


def run(arguments: Arguments) -> int:
    """0 where every bar is met. UsageError without a CUDA device."""
    on_gpu = accelerator().type == "cuda"
    check(on_gpu or arguments.smoke, "this check needs a CUDA device", "none", "or exercise the code by --smoke")
    with opened(arguments) as job:
        staged_j = staged_energy_j(job, arguments.seconds)
        found = [timed(job, way, arguments.seconds) for way in job.ways]
        print(printed(job, found))
        shown = "unknown" if staged_j is None else f"{1e3 * staged_j:.4g} mJ/example"
        print(f"the same configuration as a trial measures it, on staged tensors: {shown}")
        bars = bars_of(found, staged_j, arguments)
        about = job.about() | {"staged_j_per_example": staged_j, "ways": [one.kept(job) for one in found]}
        write_json(arguments.output, "end_to_end", about | {"bars": records(bars)})
    return judge(bars)


def bars_of(found: list[Found], staged_j: float | None, arguments: Arguments) -> list[Bar]:
    """What was not measured is missed. A peer that is not installed is no peer."""
    energy = {one.name: one.energy_j for one in found}
    ours = energy.pop(PRODUCT, None)
    peers = [energy_j for energy_j in energy.values() if energy_j is not None]

    def over(theirs: float | None) -> float | None:
        return None if theirs is None or not ours else theirs / ours

    return [
        Bar("raw over staged energy", None if ours is None or not staged_j else ours / staged_j, arguments.staged_bar),
        Bar("the published way over raw", over(energy.get(PUBLISHED)), arguments.published_bar, at_least=True),
        Bar("the sorted fp16 loop over raw", over(energy.get(SORTED)), arguments.sorted_bar, at_least=True),
        Bar("the cheapest peer over raw", over(min(peers, default=None)), arguments.peer_bar, at_least=True),
    ]

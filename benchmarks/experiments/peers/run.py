"""Every way through one text, once each."""

from benchmarks.lib.output import write_json
from benchmarks.lib.raw_text import printed, timed
from benchmarks.lib.raw_text_command import RawTextArguments
from benchmarks.lib.raw_text_engines import engine_ways
from benchmarks.lib.raw_text_job import opened


def run(arguments: RawTextArguments) -> int:
    """0: there is nothing to miss."""
    with opened(arguments) as job:
        found = [timed(job, way, arguments.seconds) for way in (*job.ways, *engine_ways(job.whole))]
        print(printed(job, found))
        write_json(arguments.output, "peers", job.about() | {"ways": [one.kept(job) for one in found]})
    return 0

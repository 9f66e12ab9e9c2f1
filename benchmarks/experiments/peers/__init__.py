"""What would users run instead? The same raw text through Transformers, its pipeline, sentence-transformers and this.

    python -m benchmarks.experiments.peers --model DIR --data-dir DIR

One table, one run, on a GPU or a CPU: energy, time, load time, first answer, memory, and which share of the answers is
that of the fp32 loop. sentence-transformers takes part where it is installed; it encodes, and classifies nothing. No
bar: `benchmarks.checks.end_to_end` has them.
"""

from benchmarks.lib.command import Command
from benchmarks.lib.raw_text_command import RawTextArguments

PEERS = Command("benchmarks.experiments.peers", __doc__, RawTextArguments)

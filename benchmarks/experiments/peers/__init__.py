"""What would users run instead? The same raw text through Transformers, its pipeline, sentence-transformers and this.

    python -m benchmarks.experiments.peers --model DIR --data-dir DIR [--task sst2|qqp|squad] [--checkpoint DIR]

One table, one run, on a GPU or a CPU: energy, time, load time, first answer, memory, and which share of the answers is
that of the fp32 loop. sentence-transformers takes part in SST-2 where it is installed; it encodes, and classifies
nothing. ONNX Runtime and OpenVINO take part where they are installed, but answer no questions here. Transformers 5 has
no pipeline for SQuAD: its loop takes the best span as the product does. No bar: `benchmarks.checks.end_to_end` has
them.
"""

from benchmarks.lib.command import Command
from benchmarks.lib.raw_text_command import RawTextArguments

PEERS = Command("benchmarks.experiments.peers", __doc__, RawTextArguments)

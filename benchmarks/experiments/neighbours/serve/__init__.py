"""What keeps another card idle or busy: each line that it reads is a state, which it answers once the load runs.

python -m benchmarks.experiments.neighbours.serve --model DIR --data-dir DIR
"""

from benchmarks.lib.card import CardArguments
from benchmarks.lib.command import Command

SERVE = Command("benchmarks.experiments.neighbours.serve", __doc__, CardArguments)

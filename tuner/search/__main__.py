import sys

from tuner.cli import run_command
from tuner.search.command import main

run_command(lambda: main(sys.argv[1:]))

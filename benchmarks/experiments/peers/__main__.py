from benchmarks.experiments.peers import PEERS
from tuner.cli import run_command

run_command(PEERS.main)

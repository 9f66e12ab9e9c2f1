"""Runs that judge this project itself, kept apart from its tests because they take a card, minutes or a quiet machine.

`checks/`: each ends in bars, numbers that this project promises; a missed one is exit code 1. `experiments/`: each
answers a question without a bar. `lib/`: what they share. What they found is in EXPERIMENTS.md, with the commands.
"""

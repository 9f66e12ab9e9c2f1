"""Faults at a chosen moment, in any process of a run, without a line in the product.

Python imports this module at its start where its folder is on PYTHONPATH, as `harness.environment` puts it. What is to
happen is in FAULTS, a JSON list of {"at": moment, "trial": regular expression, "do": action, "times": n, "skip": n,
"marks": folder}. Each time its moment comes a fault leaves a file in `marks`, which says in what process: so processes
count together.
"""

import importlib.util
import json
import os
import re
import signal
import sys
import time
from importlib.abc import MetaPathFinder
from pathlib import Path

FAULTS = json.loads(os.environ.get("JOULETUNE_TEST_FAULTS", "[]"))


def strike(moment, trial=""):
    """Let the faults of this moment happen."""
    for number, fault in enumerate(FAULTS):
        if fault["at"] == moment and re.search(fault.get("trial", ""), trial):
            before = _count(fault, number)
            if fault.get("skip", 0) <= before < fault.get("skip", 0) + fault.get("times", 1):
                _do(fault["do"])


def _count(fault, number):
    """How often this fault's moment came before; this time is counted."""
    count = 0
    while True:
        try:
            mark = os.open(f"{fault['marks']}/{number}-{count}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            os.write(mark, json.dumps(_process()).encode())
            os.close(mark)
            return count
        except FileExistsError:
            count += 1


def _process():
    """Where this process runs and what it was given."""
    found = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")}
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        found["node"] = sys.modules["ray"].get_runtime_context().get_node_id()
    if "torch" in sys.modules:
        found["threads"] = sys.modules["torch"].get_num_threads()
    return found | {"pid": os.getpid()}


def _do(action):
    kind, _, argument = action.partition(":")
    if kind == "note":
        return
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "sleep":
        time.sleep(float(argument))
    elif kind == "deaf":  # to Ctrl-C, as a trial is within one long call into a library
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(float(argument))
    elif kind == "exit":
        os._exit(int(argument))
    elif kind == "eat":
        _eat(int(argument))
    elif kind == "cuda-oom":
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB")
    elif kind == "host-oom":
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    elif kind == "sensor":
        from trainables.energy.meter import MeterError

        raise MeterError("NVML failed on GPU-test: GPU is lost")
    elif kind == "error":
        raise ValueError("this configuration cannot run")
    else:
        raise AssertionError(action)


def _eat(mib):
    block = bytearray(mib * 2**20)
    for i in range(0, len(block), 4096):
        block[i] = 1
    time.sleep(30)


def _patch_measure(module):
    original = module.measure_trial

    def measure_trial(trial, *arguments, **named):
        strike("measure", trial.trial_id)
        return original(trial, *arguments, **named)

    module.measure_trial = measure_trial


def _patch_finetune(module):
    original = module.FinetuneTrainable.step

    def step(self):
        strike("finetune", f"epoch {self.epoch}")
        return original(self)

    module.FinetuneTrainable.step = step


def _patch_controller(module):
    original = module.TuneController.save_to_dir

    def save_to_dir(self):
        original(self)
        if any(f["at"] == "state" for f in FAULTS):
            file = Path(self._storage.experiment_driver_staging_path, self.experiment_state_file_name)
            if "measure-" in str(self._storage.experiment_fs_path):
                text = file.read_text()
                file.write_text(text[: len(text) // 2])  # as a kill in the middle leaves it
                strike("state")
                file.write_text(text)

    module.TuneController.save_to_dir = save_to_dir


def _patch_rows(module):
    original = module.write_atomically

    def write_atomically(file, text):
        temporary = file.with_name(f".{file.name}.tmp")
        if any(f["at"] == "row" for f in FAULTS):
            temporary.write_text(text[: len(text) // 2])
            strike("row", file.parent.name)
        original(file, text)

    module.write_atomically = write_atomically


_PATCHES = {
    "trainables.measure": _patch_measure,
    "trainables.finetune.finetune_trainable": _patch_finetune,
    "ray.tune.execution.tune_controller": _patch_controller,
    "tuner.run.rows": _patch_rows,
}


class _Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in _PATCHES:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            _PATCHES[name](module)

        spec.loader.exec_module = exec_module
        return spec


if FAULTS:
    sys.meta_path.insert(0, _Finder())

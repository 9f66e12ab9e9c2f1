"""The device of a trial process, and the process state that must be set in every trial."""

import torch

from search_spaces.precisions import PRECISIONS

MIB = 2**20


class BackendError(RuntimeError):
    """This device or backend cannot run the configuration; the trial becomes a failed row that says why."""


def accelerator() -> torch.device:
    """The one GPU Ray gave this process, or the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def set_threads(cpus: int) -> None:
    """Intra-op threads as many as the trial's CPUs: OMP_NUM_THREADS is read only once per process."""
    torch.set_num_threads(cpus)


def set_precision(precision: str) -> torch.dtype:
    """Set TF32 on or off for this trial (it survives actor reuse) and return the dtype to cut a model for."""
    known = PRECISIONS[precision]
    torch.backends.cuda.matmul.allow_tf32 = known.tf32
    torch.backends.cudnn.allow_tf32 = known.tf32
    dtype: torch.dtype = getattr(torch, known.dtype)
    return dtype


def synchronize(device: torch.device) -> None:
    """Wait for the device; nothing to wait for on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def free_memory(device: torch.device) -> None:
    """Drop what earlier trials left (caches, graph pools, cuBLAS workspaces), so that a peak is the trial's own."""
    import gc

    gc.collect()
    if device.type == "cuda":
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_mib(device: torch.device) -> float | None:
    """The most that was allocated since `free_memory`; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / MIB if device.type == "cuda" else None

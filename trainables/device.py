"""The device of a trial process, and the process state that must be set in every trial."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# precision -> (dtype of the operands of matrix products, whether fp32 ones may use TF32)
DTYPES = {
    "fp32": ("float32", False),
    "tf32": ("float32", True),
    "bf16": ("bfloat16", False),
    "fp16": ("float16", False),
    "int8": ("int8", False),
    "fp8": ("float8_e4m3fn", False),
}


class BackendError(RuntimeError):
    """This device or backend cannot run the configuration; the trial becomes a failed row that says why."""


def accelerator() -> "torch.device":
    """The one GPU Ray gave this process, or the CPU."""
    import torch

    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def set_threads(cpus: int) -> None:
    """Intra-op threads as many as the trial's CPUs: OMP_NUM_THREADS is read only once per process."""
    import torch

    torch.set_num_threads(cpus)


def set_precision(precision: str) -> "torch.dtype":
    """Set TF32 on or off for this trial (it survives actor reuse) and return the dtype for `encoder.cut`."""
    import torch

    name, tf32 = DTYPES[precision]
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    return getattr(torch, name)


def free_memory(device: "torch.device") -> None:
    """Drop what earlier trials left (caches, graph pools, cuBLAS workspaces), so that a peak is the trial's own."""
    import gc

    import torch

    gc.collect()
    if device.type == "cuda":
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)

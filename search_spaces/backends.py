"""The backends: how a staged batch is executed. Each is one file of `trainables.backends`."""

from dataclasses import dataclass

from search_spaces.registry import Registry


@dataclass(frozen=True)
class Backend:
    """`module` is imported when a trial needs it; its `build(model, batches)` returns what runs a batch."""

    name: str
    module: str
    compiles: bool = False  # minutes of set-up, which trials of one program share
    cpu: bool = True  # a CPU can run it
    nearest: tuple[str, ...] = ()  # lines of plain PyTorch that come nearest, for a snippet with a `model`


BACKENDS: Registry[Backend] = Registry(
    "a backend",
    (
        Backend("eager", "trainables.backends.eager"),
        Backend(
            "cuda_graph",
            "trainables.backends.cuda_graph",
            cpu=False,
            nearest=('model = torch.compile(model, mode="reduce-overhead")  # the nearest to a plain CUDA graph',),
        ),
        Backend("compile", "trainables.backends.compile", compiles=True, nearest=("model = torch.compile(model)",)),
        Backend(
            "compile_cuda_graph",
            "trainables.backends.compile_cuda_graph",
            compiles=True,
            cpu=False,
            nearest=('model = torch.compile(model, mode="reduce-overhead")  # compiled, in a CUDA graph',),
        ),
    ),
)

"""The backends: how a staged batch is executed. Each is one file of `trainables.backends`."""

from dataclasses import dataclass

from search_spaces.engines import ONNXRUNTIME, OPENVINO, Engine
from search_spaces.registry import Registry


@dataclass(frozen=True)
class Backend:
    """`module` is imported when a trial needs it; its `build(model, batches)` returns what runs a batch."""

    name: str
    module: str
    compiles: bool = False  # minutes of set-up, which trials of one program share
    cpu: bool = True  # a CPU can run it
    fixed_shapes: bool = True  # what it builds is for the shapes of the batches that it is given
    without_cuda: str = ""  # what computes the same where there is no CUDA device; "": itself, or nothing
    engine: Engine | None = None  # of others, which needs a package of its own
    padding: str = ""  # the only one that it takes; "": it takes all
    recipe: str = ""  # what it computes otherwise than the model says; "": nothing

    def takes(self, padding: str) -> bool:
        """Can it run inputs that are padded so?"""
        return self.padding in ("", padding)


BACKENDS: Registry[Backend] = Registry(
    "a backend",
    (
        Backend("eager", "trainables.backends.eager", fixed_shapes=False),
        Backend("cuda_graph", "trainables.backends.cuda_graph", cpu=False, without_cuda="eager"),
        Backend("compile", "trainables.backends.compile", compiles=True),
        Backend(
            "compile_cuda_graph",
            "trainables.backends.compile_cuda_graph",
            compiles=True,
            cpu=False,
            without_cuda="compile",
        ),
        Backend("onnxruntime", "trainables.backends.onnxruntime", fixed_shapes=False, engine=ONNXRUNTIME),
        Backend("openvino", "trainables.backends.openvino", fixed_shapes=False, engine=OPENVINO),
        Backend("fused", "trainables.backends.fused", cpu=False, without_cuda="eager", padding="packed"),
        Backend(
            "fused_tanh",
            "trainables.backends.fused_tanh",
            cpu=False,
            padding="packed",
            recipe="GELU by its tanh form, whatever the model's config says",
        ),
    ),
)

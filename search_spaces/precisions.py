"""The precisions: in what the matrix products of a model are computed. The most exact first, about."""

from dataclasses import dataclass

from search_spaces.registry import Registry


@dataclass(frozen=True)
class Precision:
    """`dtype` is torch's name for the operands of matrix products."""

    name: str
    dtype: str
    tf32: bool = False  # fp32 products may use TF32
    cpu: bool = True  # a CPU can run it

    @property
    def quantised(self) -> bool:
        """Only the encoder's linear layers have this dtype; the rest is bf16."""
        return self.dtype.startswith(("int8", "float8"))

    @property
    def half(self) -> bool:
        """Activations have 16 bits."""
        return self.dtype != "float32"


PRECISIONS: Registry[Precision] = Registry(
    "a precision",
    (
        Precision("fp32", "float32"),
        Precision("tf32", "float32", tf32=True),
        Precision("bf16", "bfloat16"),
        Precision("fp16", "float16"),
        Precision("int8", "int8"),
        Precision("fp8", "float8_e4m3fn", cpu=False),
    ),
)

"""The product in each 8-bit precision, against fp32."""

import torch
from torch import nn

from benchmarks.experiments.product_error import Arguments
from benchmarks.lib.output import table, write_json
from search_spaces.precisions import PRECISIONS
from trainables.model.quantized import QuantizedLinear


def run(arguments: Arguments) -> int:
    """0: there is nothing to miss."""
    errors = {
        name: relative_error(precision.dtype, arguments)
        for name, precision in PRECISIONS.items()
        if precision.quantised
    }
    print(table(("precision", "error of a product"), [(name, f"{100 * e:.2f} %") for name, e in errors.items()]))
    write_json(arguments.output, "product_error", {"arguments": vars(arguments), "relative_error": errors})
    return 0


def relative_error(dtype: str, arguments: Arguments) -> float:
    """Root mean square of the error over that of the product. `dtype`: torch's name of the operands."""
    torch.manual_seed(arguments.seed)
    layer = nn.Linear(arguments.inputs, arguments.outputs)
    x = torch.randn(arguments.tokens, arguments.inputs)
    with torch.inference_mode():
        exact = layer(x) - layer.bias
        made = QuantizedLinear(layer, getattr(torch, dtype), torch.device("cpu"))
        error = made(x.bfloat16()).float() - layer.bias - exact
        return float(error.square().mean().sqrt() / exact.square().mean().sqrt())

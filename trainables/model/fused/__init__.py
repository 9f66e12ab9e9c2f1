"""Encoder layers on few kernels: products by the libraries, and what lies between two of them in one kernel each.

`layers.py` swaps a model's encoder in place. What a kernel computes is said in plain PyTorch in `reference.py`, which
also runs where there is no GPU; the kernels are `add_norm.py`, `gelu.py`, `linear_gelu.py` and `eight_bits.py`.
"""

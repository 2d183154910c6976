"""Which float32 products may use TF32, to run on tensor cores."""

from __future__ import annotations

__all__ = ["allow_tf32"]

# By layer: whether float32 products use 10 bits of the mantissa (sums stay in float32) and run on
# tensor cores, several times as fast. minicnn.backends sets it. It is not in kernels.cuda, because
# that imports CuPy.
allow_tf32 = {"conv": False, "linear": False}

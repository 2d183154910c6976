"""Which float32 products may be rounded to TF32, for the speed of tensor cores."""

from __future__ import annotations

__all__ = ["allow_tf32"]

# By layer: whether float32 products read 10 bits of the mantissa (sums are float32 in any case) and
# run on tensor cores, several times as fast. minicnn.backends sets it; it stands outside
# kernels.cuda, so that it can be set without CuPy.
allow_tf32 = {"conv": False, "linear": False}

"""Fast steps for plans of inference on the CPU: NumPy calls that are bound to fixed arrays.

``minicnn.kernels`` has functions that take any arrays and return new ones. A plan knows its arrays
beforehand. So everything that does not depend on their values is done once: filters are transformed,
views and scratch memory are made, padding is zeroed. What is left is a list of NumPy calls, which
allocate nothing.

Everything is float32 and channels-last, (N, H, W, C). Functions named ``candidates`` or after an
operation return steps (:class:`Step`). Where there are several, a plan measures them.

A step has one part for each thread. The parts may run side by side. Each is meant to run with BLAS
limited to one thread: products of the sizes that occur for a single image are then faster than
products that BLAS shares among its threads, and the passes between them run in parallel, too.
"""

from .activation import ACTIVATIONS, activation
from .channels import scale, shuffle
from .conv import candidates
from .elementwise import add, channel_affine, clip, local_response_norm
from .linear import linear
from .pool import avg_pool2d, max_pool2d, spatial_sum
from .step import Limits, Part, Scratch, Step

__all__ = [
    "ACTIVATIONS",
    "Limits",
    "Part",
    "Scratch",
    "Step",
    "activation",
    "add",
    "avg_pool2d",
    "candidates",
    "channel_affine",
    "clip",
    "linear",
    "local_response_norm",
    "max_pool2d",
    "scale",
    "shuffle",
    "spatial_sum",
]

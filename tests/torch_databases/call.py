"""One call in one library, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import minicnn as mc

from .values import copied, leaves, numpy_of, our_constant, ours, replaced, with_gaps

Results = dict[str, Any]  # by name: NumPy arrays and Python values


class BackwardFailed(Exception):
    """The call itself succeeded."""


class Arguments:
    """The arguments of one call, copied into a library.

    Args:
        library: torch or minicnn.
        wanted: for each tensor, whether it requires a gradient.
        form: for torch alone: "float64" computes the truth, "with gaps" lays all tensors out so that
            torch's plain loops run instead of its vectorised ones.
    """

    def __init__(self, library: Any, wanted: Sequence[bool], form: str = "") -> None:
        self.library, self.form = library, form
        self.wanted = list(wanted)
        self.inputs: list[Any] = []

    def take(self, values: Any) -> Any:
        """Copies arguments; their tensors become ``inputs``."""
        return replaced(values, self._item)

    def constants(self, values: Any) -> Any:
        """Copies arguments whose tensors are not among the inputs to look at."""
        return replaced(values, lambda x: self._tensor(x) if _is_tensor(x) else self._other(x))

    def _item(self, x: Any) -> Any:
        if not _is_tensor(x):
            return self._other(x)
        tensor = self._tensor(x)
        if self.wanted[len(self.inputs)]:
            tensor.requires_grad_()
        self.inputs.append(tensor)
        return tensor

    def _tensor(self, x: torch.Tensor) -> Any:
        if self.library is mc:
            return ours(x)
        if self.form == "with gaps":
            return with_gaps(x.detach())
        return x.detach().double() if self.form and x.is_floating_point() else copied(x)

    def _other(self, x: Any) -> Any:
        if self.library is mc:
            return our_constant(x)
        is_float = isinstance(x, torch.dtype) and x.is_floating_point
        return torch.float64 if self.form == "float64" and is_float else x


def results_of(
    arguments: Arguments, outputs: Any, seed: int, parameters: Sequence[tuple[str, Any]] = ()
) -> Results:
    """The outputs of a call, the gradients for random cotangents, and the inputs afterwards."""
    library = arguments.library
    tensor = mc.Tensor if library is mc else torch.Tensor
    outputs = leaves(outputs)
    found: Results = {}
    for i, out in enumerate(outputs):
        found[f"output {i}"] = numpy_of(out) if isinstance(out, tensor) else out
        found[f"output {i} is on the device under test"] = _is_on_device(out)
    roots = [i for i, out in enumerate(outputs) if isinstance(out, tensor) and out.requires_grad]
    found["outputs that require a gradient"] = tuple(roots)
    if roots:
        cotangents = [_cotangent(library, outputs[i], seed + i) for i in roots]
        try:
            library.autograd.backward([outputs[i] for i in roots], cotangents)
        except Exception as error:
            raise BackwardFailed(f"{type(error).__name__}: {error}") from error
    inputs = [(f"input {i}", x) for i, x in enumerate(arguments.inputs)]
    for name, x in (*inputs, *parameters):
        found[f"gradient of {name}"] = None if x.grad is None else numpy_of(x.grad)
        found[f"{name} afterwards"] = numpy_of(x)
    return found


def run(
    library: Any,
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    wanted: Sequence[bool],
    seed: int,
    form: str = "",
) -> Results:
    """Calls a function with copies of the arguments."""
    arguments = Arguments(library, wanted, form)
    args, kwargs = arguments.take((tuple(args), dict(kwargs)))
    seed_all(seed)
    return results_of(arguments, function(*args, **kwargs), seed)


def seed_all(seed: int) -> None:
    """The same random numbers for the databases and both libraries."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # that of the CPU alone, which is faster
    mc.manual_seed(seed)


def _is_on_device(out: Any) -> bool:
    return not isinstance(out, mc.Tensor) or out.device.type == mc.get_default_device().type


def _is_tensor(x: Any) -> bool:
    return isinstance(x, torch.Tensor)


def _cotangent(library: Any, out: Any, seed: int) -> Any:
    numbers = np.asarray(np.random.default_rng(seed).standard_normal(tuple(out.shape)))
    dtype = out.dtype if library is torch else getattr(torch, out.dtype.name)
    rounded = torch.from_numpy(numbers).to(dtype)
    return rounded if library is torch else ours(rounded)

"""PyTorch as the oracle: the same function on the same arrays gives the same numbers.

Tensors of minicnn are made on the device under test, those of PyTorch on the CPU, where results
are compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

import minicnn
from minicnn.devices import xp_of
from minicnn.dtypes import is_floating

TOLERANCE = {"float64": 1e-10, "float32": 2e-5, "float16": 2e-3, "bfloat16": 1.6e-2}
ERRORS = (RuntimeError, ValueError, TypeError, IndexError)


def assert_same(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    arrays: Sequence[Any],
    dtype: Any = np.float64,
    tolerance: float | None = None,
    grad: bool = True,
) -> None:
    """Compares the outputs of two functions, and the gradients of all floating-point arguments.

    Args:
        ours, theirs: take the arrays as tensors of minicnn and of PyTorch; return a tensor or a
            tuple of tensors.
        arrays: their arguments; floating-point ones are cast to ``dtype`` (and keep their memory
            layout), integers and bools stay, None stays None.
        dtype: float64 for the derivation, float32 for what users run.
        tolerance: allowed difference, relative to the largest number of each result.
        grad: whether to compare gradients, for random gradients of the outputs.
    """
    name = np.dtype(dtype).name
    tolerance = TOLERANCE[name] if tolerance is None else tolerance
    arrays = [_cast(array, dtype) for array in arrays]
    our_inputs, their_inputs = our_tensors(arrays, grad), torch_tensors(arrays, grad)
    our_outputs, their_outputs = _tuple(ours(*our_inputs)), _tuple(theirs(*their_inputs))

    assert len(our_outputs) == len(their_outputs)
    for number, (our, their) in enumerate(zip(our_outputs, their_outputs)):
        assert our.dtype.name == str(their.dtype).removeprefix("torch."), (
            f"dtype of output {number}"
        )
        assert_close(our, their, tolerance, f"output {number}")
    if not grad:
        return

    rng = np.random.default_rng(len(arrays))
    for our, their in zip(our_outputs, their_outputs):
        assert our.requires_grad == their.requires_grad
        if their.requires_grad:
            cotangent = np.asarray(rng.standard_normal(our.shape), our.dtype)
            our.backward(minicnn.tensor(cotangent), retain_graph=True)
            their.backward(torch.tensor(cotangent), retain_graph=True)
    for number, (our, their) in enumerate(zip(our_inputs, their_inputs)):
        if isinstance(their, torch.Tensor) and their.requires_grad:
            assert (our.grad is None) == (their.grad is None), f"gradient of input {number}"
            if their.grad is not None:
                assert_close(our.grad, their.grad, tolerance, f"gradient of input {number}")


def assert_agrees(call: Callable[..., Any], *arrays: Any, what: str = "") -> None:
    """Checks that a call gives in minicnn what it gives in PyTorch, an error included.

    Results, their dtypes and the gradients of all floating-point arguments are compared, and
    NumPy must not warn.

    Args:
        call: takes the library, and the arrays as its tensors; returns a tensor, several, or
            anything else.
        arrays: arguments of any dtype, which keep their dtypes.
        what: named in the message of a failure.
    """
    their_inputs = torch_tensors(arrays, True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = _tuple(call(torch, *their_inputs))
    except ERRORS as error:
        with pytest.raises(ERRORS):
            call(minicnn, *our_tensors(arrays, True))
            pytest.fail(f"{what}: no error, but torch raises {error!r}")
        return
    our_inputs = our_tensors(arrays, True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        ours = _tuple(call(minicnn, *our_inputs))
    assert len(ours) == len(theirs), what
    for number, (our, their) in enumerate(zip(ours, theirs)):
        if not isinstance(their, torch.Tensor):
            assert our == their, what
            continue
        name = str(their.dtype).removeprefix("torch.")
        assert our.dtype.name == name, f"{what}: dtype of output {number}"
        assert_close(our, their, TOLERANCE.get(name, 0), f"{what}: output {number}")
        assert our.requires_grad == their.requires_grad, what
        if their.requires_grad:
            cotangent = np.random.default_rng(number).standard_normal(our.shape)
            our.backward(minicnn.tensor(cotangent, dtype=our.dtype), retain_graph=True)
            their.backward(torch.tensor(cotangent, dtype=their.dtype), retain_graph=True)
    for number, (our, their) in enumerate(zip(our_inputs, their_inputs)):
        if isinstance(their, torch.Tensor) and their.grad is not None:
            tolerance = TOLERANCE[our.dtype.name]
            if our.grad is None:
                our.grad = minicnn.zeros_like(our)
            assert_close(our.grad, their.grad, tolerance, f"{what}: gradient of input {number}")


def dtype_in(library: Any, name: str) -> Any:
    """A dtype of either library by its name; minicnn's bool has an underscore."""
    return getattr(library, "bool_" if name == "bool" and library is minicnn else name)


def assert_close(our: Any, their: Any, tolerance: float, what: str = "result") -> None:
    """Checks that a minicnn and a PyTorch tensor agree in shape and in numbers."""
    our, their = our.detach().cpu().numpy(), numpy_of(their)
    assert our.shape == their.shape, f"{what}: shape {our.shape}, torch has {their.shape}"
    finite = np.abs(their[np.isfinite(their)], dtype=np.float64)
    scale = max(1.0, finite.max(initial=0.0))
    np.testing.assert_allclose(our, their, rtol=0, atol=tolerance * scale, err_msg=what)


def shares_memory(a: Any, b: Any) -> bool:
    """Whether two tensors lie in the same memory, on whatever device."""
    return bool(xp_of(a.array).may_share_memory(a.array, b.array))


def numpy_of(tensor: torch.Tensor) -> np.ndarray:
    """A NumPy array of a PyTorch tensor, of bfloat16, too, which NumPy has from ml_dtypes."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        return tensor.float().numpy().astype(minicnn.bfloat16)
    return tensor.numpy()


def our_tensors(arrays: Sequence[Any], grad: bool) -> list[Any]:
    """The arrays as minicnn tensors; floating-point ones require a gradient if ``grad``."""
    return [
        None if a is None else minicnn.tensor(a, requires_grad=grad and is_floating(a.dtype))
        for a in arrays
    ]


def torch_tensors(arrays: Sequence[Any], grad: bool) -> list[Any]:
    """The arrays as PyTorch tensors; floating-point ones require a gradient if ``grad``."""

    def convert(a: np.ndarray) -> torch.Tensor:
        if a.dtype == minicnn.bfloat16:
            return torch.tensor(a.astype(np.float32), dtype=torch.bfloat16)
        return torch.tensor(a)

    return [
        None if a is None else convert(a).requires_grad_(grad and is_floating(a.dtype))
        for a in arrays
    ]


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers from N(0, 1)."""
    return np.random.default_rng(seed).standard_normal(shape)


def distinct(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers between -1 and 1, all far enough apart for finite differences of a maximum."""
    count = int(np.prod(shape))
    return np.random.default_rng(seed).permutation(np.linspace(-1, 1, count)).reshape(shape)


def channels_last(array: np.ndarray) -> np.ndarray:
    """The same (N, C, H, W) numbers, lying in memory as N, H, W, C."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _cast(array: Any, dtype: Any) -> Any:
    if array is None:
        return None
    array = np.asarray(array)
    return array.astype(dtype, order="K") if array.dtype.kind == "f" else array


def _tuple(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, (tuple, list)) else (outputs,)

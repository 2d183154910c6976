"""Checks of analytic gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..devices import to_device
from ..tensor import Tensor
from .engine import grad
from .grad_mode import enable_grad


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compares the gradients of a function with central finite differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: tensors; those that require a gradient are varied, and must be float64.
        eps: half the distance between the two points of a difference.
        atol, rtol: how far the two may differ.
        raise_exception: whether a failure raises an error or returns False.
        fast_mode: without effect: all elements are compared, where torch would compare random sums.

    Returns:
        True if all agree.

    Raises:
        RuntimeError: if a gradient is wrong, with both matrices.
        ValueError: if no input requires a gradient, or one that does is not float64.

    As ``torch.autograd.gradcheck``.
    """
    inputs = _as_tuple(inputs)
    varied = [x for x in inputs if _requires_grad(x)]
    if not varied:
        raise ValueError("gradcheck expects at least one input that requires a gradient, got none")
    for x in varied:
        if x.dtype != np.float64:
            raise ValueError(f"gradcheck expects float64 inputs, got {x.array.dtype}")

    outputs = _float_outputs(func, inputs)
    for number, output in enumerate(outputs):
        analytic = _analytic_jacobians(output, varied)
        for position, x in enumerate(varied):
            numeric = _numeric_jacobian(func, inputs, number, x, eps)
            if not np.allclose(analytic[position], numeric, rtol, atol):
                if not raise_exception:
                    return False
                raise RuntimeError(
                    f"gradient of output {number} with respect to input {position} is wrong:\n"
                    f"finite differences:\n{numeric}\nbackward:\n{analytic[position]}"
                )
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compares the second derivatives of a function with finite differences of its gradients.

    Args:
        grad_outputs: the gradients that the first walk starts from; random if left out.

    Other arguments, result and errors as in :func:`gradcheck`. As ``torch.autograd.gradgradcheck``.
    """
    inputs = _as_tuple(inputs)
    outputs = _float_outputs(func, inputs)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = tuple(
            _like(out, rng.standard_normal(out.shape)).requires_grad_() for out in outputs
        )
    grad_outputs = _as_tuple(grad_outputs)

    def gradients(*arguments: Any) -> tuple[Any, ...]:
        arguments, cotangents = arguments[: len(inputs)], arguments[len(inputs) :]
        varied = [x for x in arguments if _requires_grad(x)]
        results = grad(_float_outputs(func, arguments), varied, cotangents, create_graph=True)
        return tuple(g for g in results if g.requires_grad)

    return gradcheck(gradients, (*inputs, *grad_outputs), eps, atol, rtol, raise_exception)


def _as_tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, Sequence) else (values,)


def _like(output: Any, numbers: np.ndarray) -> Any:
    """A tensor of ``numbers`` in the shape and on the device of ``output``."""
    return Tensor.of(to_device(numbers.reshape(output.shape), output.device))


def _requires_grad(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _float_outputs(function: Callable[..., Any], inputs: tuple[Any, ...]) -> list[Any]:
    return [out for out in _as_tuple(function(*inputs)) if out.dtype.kind == "f"]


def _analytic_jacobians(output: Any, varied: list[Any]) -> list[np.ndarray]:
    """d output / d x for each x, as (x.size, output.size), one row of ones and zeros at a time."""
    jacobians = [np.zeros((x.array.size, output.array.size)) for x in varied]
    if not output.requires_grad:
        return jacobians
    for column in range(output.array.size):
        seed = np.zeros(output.array.size)
        seed[column] = 1.0
        cotangent = _like(output, seed)
        grads = grad(output, varied, cotangent, retain_graph=True, allow_unused=True)
        for jacobian, g in zip(jacobians, grads):
            if g is not None:
                jacobian[:, column] = g.numpy_copy().reshape(-1)
    return jacobians


def _numeric_jacobian(
    function: Callable[..., Any], inputs: tuple[Any, ...], number: int, x: Any, eps: float
) -> np.ndarray:
    rows = []
    with enable_grad():  # a function may itself call autograd.grad
        for index in np.ndindex(*x.shape):
            original = x.array[index].item()
            sides = []
            for value in (original + eps, original - eps):
                x.array[index] = value
                sides.append(_float_outputs(function, inputs)[number].numpy_copy().reshape(-1))
            x.array[index] = original
            rows.append((sides[0] - sides[1]) / (2 * eps))
    return np.array(rows).reshape(x.array.size, -1)

"""``autograd.Function`` as PyTorch scripts write it: static methods that are given tensors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import minicnn as mc

LIBRARIES = pytest.mark.parametrize("lib", [mc, torch], ids=["minicnn", "torch"])


@LIBRARIES
def test_forward_is_given_tensors(lib: Any) -> None:
    class Clip(lib.autograd.Function):
        @staticmethod
        def forward(ctx, input, low):
            assert not lib.is_grad_enabled() and ctx.needs_input_grad == (True, False)
            ctx.save_for_backward(input)
            ctx.low = low
            return input.clamp(min=low)

        @staticmethod
        def backward(ctx, grad_output):
            (input,) = ctx.saved_tensors
            grad = grad_output.clone()
            grad[input < ctx.low] = 0
            return grad, None

    x = lib.tensor([-1.0, 2.0], requires_grad=True)
    y = Clip.apply(x, 0.5)
    assert y.grad_fn.name() == "ClipBackward" and "grad_fn=<ClipBackward>" in repr(y)
    y.sum().backward()
    assert y.tolist() == [0.5, 2.0] and x.grad.tolist() == [0.0, 1.0]


@LIBRARIES
def test_setup_context_and_second_derivative(lib: Any) -> None:
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(x):
            return x**3, x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0], output[1])

        @staticmethod
        def backward(ctx, grad, other):
            x, doubled = ctx.saved_tensors
            return grad * x * doubled * 1.5 + other * 2

    x = lib.tensor(2.0, requires_grad=True)
    y, _ = Cube.apply(x)
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    assert g.item() == 12.0
    assert lib.autograd.grad(g, x)[0].item() == 12.0


@LIBRARIES
def test_results_without_gradient_and_without_zeros(lib: Any) -> None:
    seen = []

    class Sorted(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            positive = x > 0
            ctx.mark_non_differentiable(positive)
            return x * 1, x * 2, positive

        @staticmethod
        def backward(ctx, *grads):
            seen.extend(grads)
            return grads[0]

    x = lib.tensor([1.0, -2.0], requires_grad=True)
    first, _, positive = Sorted.apply(x)
    assert not positive.requires_grad
    first.sum().backward()
    assert seen[1:] == [None, None] and x.grad.tolist() == [1.0, 1.0]


@LIBRARIES
def test_changes_in_place(lib: Any) -> None:
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    x = lib.tensor([1.0, 3.0], requires_grad=True)
    y = x * 1
    z = Double.apply(y)
    assert z is y and y.tolist() == [2.0, 6.0]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="leaf"):
        Double.apply(x)
    plain = lib.ones(1)
    assert Double.apply(plain) is plain and plain.item() == 2.0


@LIBRARIES
def test_amp_decorators(lib: Any) -> None:
    class Product(lib.autograd.Function):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu", cast_inputs=lib.float32)
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x @ y

        @staticmethod
        @lib.amp.custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            x, y = ctx.saved_tensors
            return grad @ y.t(), x.t() @ grad

    x = lib.ones(2, 2, requires_grad=True)
    with lib.autocast("cpu"):
        y = Product.apply(x, lib.ones(2, 2))
    assert y.dtype == lib.float32
    y.sum().backward()
    assert x.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_saved_variables_is_the_old_name_of_saved_tensors():
    class Square(mc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_variables
            return 2 * x * grad

    x = mc.tensor([3.0], requires_grad=True)
    with pytest.warns(DeprecationWarning, match="use 'saved_tensors'"):
        Square.apply(x).backward()
    assert x.grad.tolist() == [6.0]

"""float16 and bfloat16 are computed in float32 and rounded once, forward and backward."""

import numpy as np
import pytest
import torch
from oracle import normal

import minicnn as mc
import minicnn.nn.functional as F

HALVES = [mc.float16, mc.bfloat16]
halves = pytest.mark.parametrize("dtype", HALVES, ids=["float16", "bfloat16"])


def half(dtype, *shape, seed=0):
    return mc.tensor(normal(*shape, seed=seed).astype(np.float32)).to(dtype)


def same_bits(out, exact):
    """Whether a half-precision result is the float32 one, rounded."""
    return out.tolist() == exact.to(out.dtype).tolist()


ARITHMETIC = {
    "x + n": lambda x, n: x + n,
    "n - x": lambda x, n: n - x,
    "x * n": lambda x, n: x * n,
    "x / n": lambda x, n: x / n,
    "x // n": lambda x, n: x // n,
    "clamp": lambda x, n: x.clamp(-0.7, abs(n)),
    "leaky_relu": F.leaky_relu,
    "add, alpha": lambda x, n: x.add(x * x, alpha=n),
    "sub, alpha": lambda x, n: x.sub(1.3, alpha=n),
}


@halves
@pytest.mark.parametrize("number", [0.1, -2.7, 33.3])
@pytest.mark.parametrize("name", [name for name in ARITHMETIC if name != "add, alpha"])
def test_a_number_joins_in_float32(name, number, dtype):
    x = half(dtype, 200)
    assert same_bits(ARITHMETIC[name](x, number), ARITHMETIC[name](x.float(), number))


AS_IN_TORCH = {
    "n / x": lambda x, y, n: n / x,
    "x % n": lambda x, y, n: x % n,
    "n % x": lambda x, y, n: n % x,
    "n // x": lambda x, y, n: n // x,
    "|x| ** n": lambda x, y, n: abs(x) ** n,
    "|n| ** x": lambda x, y, n: abs(n) ** x,
    "x // y": lambda x, y, n: x // y,
    "x / n, rounded": lambda x, y, n: x.div(n, rounding_mode="trunc"),
    "x / y, rounded": lambda x, y, n: x.div(y, rounding_mode="trunc"),
}


@halves
@pytest.mark.parametrize("number", [0.1, -2.7, 33.3])
@pytest.mark.parametrize("name", AS_IN_TORCH)
def test_quotients_and_powers_round_where_torch_does(name, number, dtype):
    x, y = half(dtype, 2000) * 20, half(dtype, 2000, seed=1) * 5
    theirs = [torch.tensor(v.float().cpu().numpy()).to(getattr(torch, dtype.name)) for v in (x, y)]
    ours = AS_IN_TORCH[name](x, y, number).float().cpu().numpy()
    np.testing.assert_array_equal(ours, AS_IN_TORCH[name](*theirs, number).float().numpy())


@halves
def test_alpha_is_not_rounded(dtype):
    x, y = half(dtype, 200), half(dtype, 200, seed=1)
    assert same_bits(x.add(y, alpha=0.1), x.float().add(y.float(), alpha=0.1))
    assert same_bits(x.sub(y, alpha=-2.7), x.float().sub(y.float(), alpha=-2.7))


@halves
def test_a_number_that_is_compared_is_rounded(dtype):
    theirs = torch.tensor([0.1, 0.3, 1.0]).to(getattr(torch, dtype.name))
    ours = mc.tensor(theirs.float().numpy()).to(dtype)
    for compare in ("eq", "ne", "lt", "le", "gt", "ge"):
        assert getattr(ours, compare)(0.1).tolist() == getattr(theirs, compare)(0.1).tolist()


FUNCTIONS = {
    "elu": lambda x: F.elu(x, 0.7),
    "exp": mc.exp,
    "expm1": lambda x: x.expm1(),
    "gelu": F.gelu,
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "hardswish": F.hardswish,
    "log": lambda x: (x * x + 0.25).log(),
    "log1p": lambda x: (x * x).log1p(),
    "logsigmoid": F.logsigmoid,
    "sigmoid": mc.sigmoid,
    "silu": F.silu,
    "sin": mc.sin,
    "softplus": lambda x: F.softplus(x, 1.7, 3.0),
    "tanh": mc.tanh,
}


@halves
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"log", "log1p"}))
def test_functions_round_once(name, dtype):
    x = half(dtype, 300) * 2
    ours, exact = FUNCTIONS[name](x), FUNCTIONS[name](x.float())
    # NumPy's own float16 functions are right up to the last bit
    error = (ours.float() - exact).abs() / exact.abs().clamp(1e-3)
    assert error.max().item() <= {"float16": 2**-10, "bfloat16": 2**-8}[dtype.name]


@halves
@pytest.mark.parametrize(
    "name", ["elu", "gelu", "gelu by tanh", "hardswish", "logsigmoid", "silu", "softplus"]
)
def test_gradients_round_once(name, dtype):
    x, grad = half(dtype, 300) * 2, half(dtype, 300, seed=1)
    ours, exact = x.clone().requires_grad_(), x.float().requires_grad_()
    FUNCTIONS[name](ours).backward(grad)
    FUNCTIONS[name](exact).backward(grad.float())
    assert same_bits(ours.grad, exact.grad)


@halves
@pytest.mark.parametrize(
    "name", ["sigmoid", "tanh", "expm1", "log1p", "sqrt", "rsqrt", "reciprocal", "square"]
)
def test_gradients_are_as_exact_as_those_of_torch(name, dtype):
    numbers = np.linspace(0.1, 6, 300, dtype=np.float32)
    theirs = torch.tensor(numbers).to(getattr(torch, dtype.name)).requires_grad_()
    truth = theirs.detach().double().requires_grad_()
    ours = mc.tensor(theirs.detach().float().numpy()).to(dtype).requires_grad_()
    for x in (theirs, truth, ours):
        getattr(x, name)().sum().backward()
    our_error = np.abs(ours.grad.double().numpy_copy() - truth.grad.numpy())
    their_error = np.abs(theirs.grad.double().numpy() - truth.grad.numpy())
    assert our_error.max() <= their_error.max() and our_error.mean() <= 1.001 * their_error.mean()


@halves
def test_powers_and_quotients(dtype):
    for operation in (lambda x, y: x / y, lambda x, y: x**y):
        x, y = (half(dtype, 200, seed=s).abs() + 0.5 for s in (0, 1))
        ours = [v.clone().requires_grad_() for v in (x, y)]
        exact = [v.float().requires_grad_() for v in (x, y)]
        for inputs in (ours, exact):
            operation(*inputs).sum().backward()
        for our, true in zip(ours, exact):
            error = (our.grad.float() - true.grad).abs() / true.grad.abs().clamp(1e-2)
            assert error.max().item() <= {"float16": 2**-9, "bfloat16": 2**-6}[dtype.name]

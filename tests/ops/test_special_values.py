"""NaN, infinities, zeros and large numbers, in every dtype, as in PyTorch; and nothing warns."""

import itertools
import operator
import warnings

import ml_dtypes
import numpy as np
import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim

INF, NAN = np.inf, np.nan
FLOATS = ["float64", "float32", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int8", "uint8", "bool"]
TOLERANCE = {"float64": 1e-9, "float32": 4e-6, "float16": 4e-3, "bfloat16": 3e-2}

# fewer than 16 at a time: beyond, torch's vector loops treat NaN otherwise than its scalar ones
NUMBERS = [
    [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, NAN, INF, -INF],
    [3.0, -3.0, 6.0, -6.0, 2.5, -2.5, 7.25, -7.25, 20.5, -20.5],
    [100.5, -100.5, 1e4, -1e4, 1e30, -1e30, 0.125, -0.125, 1e-3, -1e-3],
]
WHOLE = {
    "uint8": [0, 1, 2, 3, 7, 100, 128, 200, 255],
    "bool": [True, False, True],
}


@pytest.fixture(autouse=True)
def nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def torch_tensor(numbers, name):
    if name in FLOATS:
        return torch.tensor(numbers, dtype=torch.float64).to(getattr(torch, name))
    return torch.tensor(
        WHOLE.get(name, [0, 1, -1, 2, -2, 3, 7, 100, -128]), dtype=getattr(torch, name)
    )


def array_of(tensor):
    """A NumPy array of a tensor of either library."""
    if isinstance(tensor, mc.Tensor):
        return tensor.numpy_copy()
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def assert_equal(ours, theirs, what):
    """The same dtype, shape and numbers, up to rounding; NaN where torch has NaN."""
    got, want = array_of(ours), array_of(theirs)
    assert got.dtype == want.dtype, what
    tolerance = TOLERANCE.get(want.dtype.name, 0)
    with np.errstate(invalid="ignore"):  # to cast a signalling NaN, from memory that nobody wrote
        got, want = got.astype(np.float64), want.astype(np.float64)
    np.testing.assert_allclose(got, want, tolerance, tolerance, err_msg=what)


def compare(ours, theirs, *tensors, infinite=True):
    """Results and gradients of two functions, also of ``infinite`` gradients; or that both raise."""
    our_inputs = [mc.tensor(array_of(t).copy()) for t in tensors]
    for our, their in zip(our_inputs, tensors):
        if their.is_floating_point():
            our.requires_grad_(), their.requires_grad_()
    try:
        expected = theirs(*tensors)
    except (RuntimeError, TypeError) as error:
        if "ZeroDivision" in str(error) and our_inputs[0].device.type == "cuda":
            return  # GPUs do not look for zeros
        with pytest.raises((RuntimeError, TypeError)):
            ours(*our_inputs)
        return
    result = ours(*our_inputs)
    assert_equal(result, expected, "result")
    assert result.requires_grad == expected.requires_grad
    if not expected.requires_grad:
        return
    for number in (1.0, -0.75, INF) if infinite else (1.0, -0.75):
        for our, their in zip(our_inputs, tensors):
            our.grad = their.grad = None
        expected.backward(torch.full_like(expected, number), retain_graph=True)
        result.backward(mc.full_like(result, number), retain_graph=True)
        for index, (our, their) in enumerate(zip(our_inputs, tensors)):
            if their.grad is not None:
                assert_equal(our.grad, their.grad, f"gradient of input {index} for {number}")


UNARY = [
    "abs", "ceil", "cos", "exp", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log1p",
    "logical_not", "neg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sqrt",
    "square", "tanh", "trunc",
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_tensor(name, dtype):
    call = operator.methodcaller(name)
    for numbers in NUMBERS if dtype in FLOATS else NUMBERS[:1]:
        # an infinity times what is nearly 0 is NaN in torch if its float32 rounds that to 0
        infinite = 100.5 not in numbers
        if name in ("reciprocal", "rsqrt"):
            numbers = [n for n in numbers if n != 1e-3]  # whose gradient overflows in float16
        compare(call, call, torch_tensor(numbers, dtype), infinite=infinite)


ACTIVATIONS = ["elu", "gelu", "hardswish", "leaky_relu", "logsigmoid", "relu", "silu", "softplus"]


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype):
    for numbers in NUMBERS if dtype in FLOATS else NUMBERS[:1]:
        infinite = numbers is NUMBERS[0] or name not in ("gelu", "logsigmoid", "silu")
        their = getattr(torch.nn.functional, name)
        if name == "gelu":
            numbers = [n for n in numbers if n != INF]  # NaN in torch's vector loops
        compare(getattr(F, name), their, torch_tensor(numbers, dtype), infinite=infinite)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gelu_by_tanh(dtype):
    def run(library):
        return lambda x: library.gelu(x, approximate="tanh")

    numbers = [0.0, 1.0, -1.0, 0.5, 20.5, NAN, INF, -INF]
    compare(run(F), run(torch.nn.functional), torch_tensor(numbers, dtype))


BINARY = [
    "add", "div", "eq", "floor_divide", "ge", "gt", "le", "logical_and", "logical_or",
    "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "pow", "remainder", "sub",
]  # fmt: skip
PAIRS = [[0.0, -0.0, 1.0, -1.0, 2.0, -2.5], [3.0, -0.5, 7.25, NAN, INF, -INF]]


def pairs(left, right):
    """Each number of one list with each of another, at most 15 at a time."""
    all_pairs = list(itertools.product(left, right))
    for start in range(0, len(all_pairs), 15):
        yield tuple(map(list, zip(*all_pairs[start : start + 15])))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_tensors(name, dtype):
    def call(x, y):
        return getattr(x, name)(y)

    for left, right in itertools.product(PAIRS, PAIRS):
        for x, y in pairs(left, right):
            if name == "pow":  # which sign an infinity gets at -0 differs within torch
                x = [abs(n) if n == 0 else n for n in x]
            if name == "floor_divide":  # torch has no gradient for it
                with mc.no_grad(), torch.no_grad():
                    compare(call, call, torch_tensor(x, dtype), torch_tensor(y, dtype))
            else:
                compare(call, call, torch_tensor(x, dtype), torch_tensor(y, dtype))


@pytest.mark.parametrize("right", ["int64", "uint8", "bool", 2, -3, 0, 2.5, True, 300])
@pytest.mark.parametrize("left", ["int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize(
    "name", [*BINARY, "__and__", "__rsub__", "__rfloordiv__", "__rmod__", "__rpow__"]
)
def test_integers(name, left, right):
    if name in ("pow", "__rpow__") and True in (right, right == "bool") and left != "int64":
        pytest.skip("torch raises bool tensors to the power True, and no others")
    if name == "maximum" or name == "minimum" or name.startswith("logical"):
        right = right if isinstance(right, str) else "int64"

    def call(x, y=right):
        return getattr(x, name)(y)

    x = torch_tensor([], left)
    if not isinstance(right, str):
        compare(call, call, x)
        return
    y = torch_tensor([], right)
    compare(call, call, x[:, None].expand(-1, len(y)).clone(), y)
    compare(call, call, x, y[2])


BOUNDS = [
    (-1, 2), (None, 1), (0.5, None), (2, -1), (NAN, 1.0), (0.0, NAN), (-INF, INF), (-300, 300),
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("bounds", BOUNDS)
def test_clamp(bounds, dtype):
    def call(x):
        return x.clamp(*bounds)

    compare(call, call, torch_tensor(NUMBERS[0], dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_clamp_by_tensors(dtype):
    def call(x, low, high):
        return x.clamp(low, high)

    x = [-2.0, 0.0, 2.0, NAN, INF, -INF, 1.0, 3.0, 0.5]
    low = [-1.0, NAN, 1.0, 0.0, 2.0, -INF, 1.0, 5.0, NAN]
    high = [1.0, 1.0, -1.0, 1.0, 2.0, 0.0, 1.0, 4.0, NAN]
    tensors = [torch_tensor(numbers, dtype) for numbers in (x, low, high)]
    compare(call, call, *tensors)
    compare(lambda x, low: x.clamp(low), lambda x, low: x.clamp(low), *tensors[:2])
    compare(lambda x, high: x.clamp(max=high), lambda x, high: x.clamp(max=high), *tensors[::2])


@pytest.mark.parametrize("mode", ["floor", "trunc"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint8"])
def test_rounded_division(dtype, mode):
    def call(x, y):
        return x.div(y, rounding_mode=mode)

    x, y = torch_tensor(NUMBERS[0], dtype), torch_tensor(NUMBERS[1], dtype)
    if dtype == "uint8" or dtype.startswith("int"):
        y = x.flip(0)
        x, y = x[y != 0], y[y != 0]
    compare(call, call, x, y)
    if dtype in FLOATS:
        compare(call, call, y, x)


def test_remainder_of_a_large_by_a_small_number():
    x, y = torch.tensor([1e20, -1e20, 5.0]).double(), torch.tensor([-388.5, 3.0, 1e17]).double()
    compare(operator.mod, operator.mod, x, y)
    with mc.no_grad(), torch.no_grad():
        x, y = torch.tensor([1.0, 7.0]), torch.tensor([0.1, 0.7])
        compare(operator.floordiv, operator.floordiv, x, y)


def test_the_users_settings_stay():
    with np.errstate(all="raise"):
        before = np.geterr()
        x = mc.tensor([0.0, -1.0], requires_grad=True)
        (1.0 / x).log().sum().backward()
        assert np.geterr() == before
        with pytest.raises(FloatingPointError):
            np.float64(1.0) / np.float64(0.0)
    with np.errstate(all="raise"), pytest.raises(RuntimeError):
        mc.ones(2).reshape(3)  # an error inside an operation
    assert np.geterr()["divide"] == "warn"


@pytest.mark.parametrize("number", [NAN, INF, 1e30])
@pytest.mark.parametrize("half", [None, "float16", "bfloat16"])
def test_a_network_that_overflows_does_not_warn(number, half):
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    with mc.autocast("cpu", dtype=half and getattr(mc, half), enabled=half is not None):
        loss = F.cross_entropy(net(mc.full((2, 3, 6, 6), number)), mc.tensor([0, 4]))
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop])
def test_an_optimizer_that_overflows_does_not_warn(optimizer):
    weight = nn.Parameter(mc.full((100,), 1e30))
    steps = optimizer([weight], lr=1e30)
    for number in (1e30, INF, NAN):
        weight.grad = mc.full((100,), number)
        steps.step()


def test_casts_do_not_warn():
    x = mc.tensor([1e30, NAN, INF, 300.0])
    for dtype in (mc.float16, mc.int64, mc.uint8, mc.bool_):
        x.to(dtype)
    mc.tensor([1e30], dtype=mc.float16)
    mc.tensor([1e300])
    assert mc.tensor([6e4]).half().mul_(2).tolist() == [INF]


def test_threads_of_kernels_do_not_warn():
    images = mc.full((8, 64, 32, 32), 1e30)
    weight = mc.full((64, 64, 3, 3), 1e30, requires_grad=True)
    (F.conv2d(images, weight, padding=1) * 1e30).sum().backward()
    assert not weight.grad.isfinite().any()
    x = mc.full((16, 64, 32, 32), NAN).bfloat16().requires_grad_()
    F.relu(x).backward(mc.ones_like(x))
    assert (x.grad == 1).all()

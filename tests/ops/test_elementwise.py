"""Arithmetic, functions of one element and comparisons, against PyTorch and finite differences."""

import operator

import numpy as np
import pytest
import torch
from oracle import assert_same

import minicnn as mc
import minicnn.nn.functional as F
from minicnn.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def positive(*shape):
    return rng.random(shape) + 0.5


BINARY = ["add", "sub", "mul", "div", "maximum", "minimum"]
SHAPES = [
    ((3, 4), (3, 4)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (4,)),
    ((), (3,)),
    ((1,), (2, 1)),
    ((0, 3), (3,)),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, shapes, dtype):
    arrays = [normal(*shape) for shape in shapes]
    assert_same(getattr(mc, name), getattr(torch, name), arrays, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "name",
    ["exp", "log", "log1p", "sqrt", "abs", "square", "sin", "cos", "tanh", "sigmoid", "sign"],
)
def test_unary(name, dtype):
    assert_same(getattr(mc, name), getattr(torch, name), [positive(3, 5)], dtype)


METHODS = {
    "neg": lambda x: -x,
    "expm1": lambda x: x.expm1(),
    "rsqrt": lambda x: x.rsqrt(),
    "reciprocal": lambda x: x.reciprocal(),
    "number on the left": lambda x: 2 - x + 3 / x * 2**x,
    "pow": lambda x: x**3 + x**0.5 + x**-1 + x**0,
    "floor, ceil, round, trunc": lambda x: x.floor() + x.ceil() * x.round() + x.trunc(),
    "remainder": lambda x: x % 0.3,
    "clamp": lambda x: x.clamp(0.7, 1.2) + x.clamp(min=0.8) + x.clamp(max=0.9),
    "used twice": lambda x: x * x + x / x.exp(),
    "transposed": lambda x: x.transpose(0, 1) * x.transpose(0, 1).exp(),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    assert_same(METHODS[name], METHODS[name], [positive(3, 5)])


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"clamp", "remainder"}))
def test_gradients_by_finite_differences(name):
    x = mc.tensor(positive(2, 3), requires_grad=True)
    assert gradcheck(METHODS[name], x)
    if name != "floor, ceil, round, trunc":
        assert gradgradcheck(METHODS[name], x)


@pytest.mark.parametrize("name", BINARY)
def test_binary_second_derivatives(name):
    x = mc.tensor(positive(2, 1, 3), requires_grad=True)
    y = mc.tensor(positive(2, 1) + 1, requires_grad=True)
    assert gradgradcheck(getattr(mc, name), (x, y))


def test_floor_divide():
    assert_same(lambda x: x // 0.3, lambda x: x // 0.3, [normal(5)], grad=False)


def test_pow_with_a_tensor_exponent():
    assert_same(mc.pow, torch.pow, [positive(3, 1), normal(4)])
    assert_same(lambda x: 2.0**x, lambda x: 2.0**x, [normal(4)])
    zero = np.array([0.0, 0.0, 2.0])
    assert_same(mc.pow, torch.pow, [zero, np.array([0.0, 2.0, 0.0])])


def test_ties_and_edges_share_the_gradient_as_torch_does():
    x = np.array([1.0, 2.0, 3.0, -1.0, 0.0])
    assert_same(mc.maximum, torch.maximum, [x, np.array([1.0, 3.0, 3.0, -1.0, 0.0])])
    assert_same(lambda x: x.clamp(-1, 2), lambda x: x.clamp(-1, 2), [x])
    assert_same(mc.abs, torch.abs, [x])


def test_where_and_masked_fill():
    condition = normal(3, 4) > 0
    assert_same(mc.where, torch.where, [condition, normal(3, 4), normal(4)])
    assert_same(
        lambda c, x: mc.where(c, x, 0.0),
        lambda c, x: torch.where(c, x, 0.0),
        [condition, normal(3, 4)],
    )
    assert_same(
        lambda c, x: x.masked_fill(c, -1.0),
        lambda c, x: x.masked_fill(c, -1.0),
        [condition, normal(3, 4)],
    )
    with pytest.raises(RuntimeError, match="bool condition, got int64"):
        mc.where(mc.tensor([1, 0]), 1.0, 2.0)


@pytest.mark.filterwarnings("error")
def test_where_with_a_number_that_overflows_is_inf():
    half = mc.tensor(0.5, dtype=mc.float16)
    assert mc.where(mc.tensor(True), half, 1e10).item() == 0.5
    assert mc.where(mc.tensor(False), half, 1e10).item() == float("inf")


def test_where_keeps_nan_of_the_other_side_out_of_the_gradient():
    x = mc.tensor([0.0, 1.0], requires_grad=True)
    mc.where(x > 0, x.log(), 0.0).sum().backward()
    assert x.grad.tolist()[1] == 1.0


@pytest.mark.parametrize("operator", ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_comparisons(operator):
    x, y = np.array([1.0, 2.0, np.nan, 3.0]), np.array([1.0, 3.0, 1.0, 2.0])
    ours = getattr(mc.tensor(x), operator)(mc.tensor(y))
    theirs = getattr(torch.tensor(x), operator)(torch.tensor(y))
    assert ours.dtype == bool and ours.tolist() == theirs.tolist()
    assert (mc.tensor(x) > 1).tolist() == (torch.tensor(x) > 1).tolist()


def test_logic():
    a, b = mc.tensor([True, True, False]), mc.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert a.logical_and(b).tolist() == [True, False, False]
    assert mc.tensor([1.0, np.inf, np.nan]).isfinite().tolist() == [True, False, False]


DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("right", [*DTYPES, 2, 2.5])
def test_result_dtype_is_that_of_torch(left, right):
    def both(library, make):
        x = make(np.ones((2,), left))
        y = right if isinstance(right, (int, float)) else make(np.ones((2, 1), right))
        return x + y, x * y, x / y, x < y

    for ours, theirs in zip(both(mc, mc.tensor), both(torch, torch.tensor)):
        assert str(theirs.dtype).removeprefix("torch.") == ours.dtype.name


def test_a_tensor_without_dimensions_does_not_promote():
    assert (mc.ones(2) * mc.tensor(2.0, dtype=mc.float64)).dtype == mc.float32
    assert (mc.ones(2) * np.float64(2.0)).dtype == mc.float32
    assert mc.exp(mc.arange(3)).dtype == mc.float32


def test_errors_state_the_rule_and_the_values():
    with pytest.raises(
        RuntimeError, match=r"add expects shapes that broadcast, got \(2, 3\) and \(4,\)"
    ):
        mc.ones(2, 3) + mc.ones(4)
    with pytest.raises(TypeError, match="add expects tensors or numbers, got list"):
        mc.ones(2) + [1, 2]
    with pytest.raises(RuntimeError, match="min, max or both"):
        mc.ones(2).clamp()


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "ipow", "imod"])
def test_operators_in_place_write_to_the_same_memory(name):
    def run(x):
        getattr(operator, name)(x, 3)
        return x.tolist()

    assert run(mc.tensor([5.0, 7.0])) == run(torch.tensor([5.0, 7.0]))


def test_operators_with_the_number_on_the_left():
    def run(x):
        return (7 // x).tolist(), (7 % x).tolist(), (1 & x).tolist(), (1 | x).tolist()

    assert run(mc.tensor([2, 3])) == run(torch.tensor([2, 3]))


@pytest.mark.parametrize("change", [lambda x: x.add_(1.5), lambda x: x.div_(2)])
def test_changes_in_place_do_not_round(change):
    with pytest.raises(RuntimeError, match="cannot put float32 results into a tensor of int64"):
        change(mc.tensor([1, 2]))


def test_equality_with_something_else_is_decided_by_python():
    x = mc.ones(2)
    assert (x == None) is False and (x != None) is True and (x == "a") is False


def test_steps_have_gradient_zero_even_of_an_infinite_one():
    assert_same(lambda x: x.floor().sqrt(), lambda x: x.floor().sqrt(), [np.array([0.25, 1.5])])


def test_integers_stay_integers_when_rounded():
    for name in ("round", "floor", "trunc"):
        assert getattr(mc.tensor([1, 2]), name)().dtype == mc.int64


def test_nan_stays_when_clamped_by_a_tensor():
    x, low = np.array([np.nan, 1.0, 3.0]), np.array([2.0, 2.0, 2.0])
    assert_same(lambda x, low: x.clamp(low), lambda x, low: x.clamp(low), [x, low], grad=False)
    assert mc.where(mc.tensor([True]), True, False).dtype == bool
    assert mc.ones(2).masked_fill_(mc.tensor([True, False]), 3.0).tolist() == [3.0, 1.0]


def test_alpha_with_a_number():
    x = mc.tensor([1.0, 2.0])
    assert x.add(3, alpha=2).tolist() == [7.0, 8.0] and x.sub(3, alpha=2).tolist() == [-5.0, -4.0]
    assert x.add_(3, alpha=2).tolist() == [7.0, 8.0]


@pytest.mark.parametrize("number", [2, 0.5])
def test_a_tensor_without_dimensions_is_a_factor(number):
    results = []
    for lib in (mc, torch):
        x, factor = lib.tensor([1.0, 2.0]), lib.tensor(number)
        results.append(x.add(x, alpha=factor).tolist() + x.sub(3, alpha=factor).tolist())
        results[-1] += x.addcmul(x, x, value=factor).addcdiv_(x, x, value=-factor).tolist()
    assert results[0] == results[1]


@pytest.mark.parametrize("factor", [mc.ones(1), mc.ones((), requires_grad=True)])
def test_other_tensors_are_no_factors(factor):
    x = mc.ones(2)
    for multiply in (
        lambda: x.sub(x, alpha=-2 * factor),
        lambda: x.addcmul(x, x, value=factor),
        lambda: x.addcdiv(x, x, value=factor),
    ):
        with pytest.raises(TypeError, match=r"expects a number as (alpha|value), got a tensor"):
            multiply()


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x % y, lambda x, y: x.add(y, alpha=-1.5), lambda x, y: x.sub(y, alpha=2),
        lambda x, y: x.clamp(y - 0.5, y + 0.5), lambda x, y: x.rsqrt() * y.reciprocal(),
        lambda x, y: x.masked_fill(y > 1, 2.0) * y,
    ],
)  # fmt: skip
def test_gradients_of_two_tensors_by_finite_differences(function):
    inputs = [mc.tensor(positive(3, 4), requires_grad=True) for _ in range(2)]
    assert gradcheck(function, inputs) and gradgradcheck(function, inputs)


@pytest.mark.parametrize("decimals", [0, 1, 3, -2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_round_to_decimals(decimals, dtype):
    x = normal(50) * 1000
    assert_same(*[lambda x: x.round(decimals=decimals)] * 2, [x], dtype)


def test_masked_fill_keeps_the_dtype_and_broadcasts():
    mask = mc.tensor([[True], [False]])
    x = mc.tensor([1, 2, 3])
    assert x.masked_fill(mask, 2.5).tolist() == [[2, 2, 2], [1, 2, 3]]
    assert x.masked_fill(mask, mc.tensor(2.5)).dtype == mc.int64
    assert mc.tensor([True, False]).masked_fill(mc.tensor([False, True]), 10).tolist() == [True] * 2
    assert mc.zeros(2, dtype=mc.uint8).masked_fill(mc.tensor([True, False]), -1).tolist() == [
        255,
        0,
    ]


def test_masked_fill_refuses_what_torch_refuses():
    x, mask = mc.tensor([1, 2]), mc.tensor([True, False])
    with pytest.raises(RuntimeError, match=r"without dimensions, got shape \(1,\)"):
        x.masked_fill(mask, mc.tensor([3]))
    with pytest.raises(RuntimeError, match="expects a bool mask, got int64"):
        x.masked_fill(x, 3)
    with pytest.raises(RuntimeError, match="uint8 holds numbers from 0 to 255, got 300"):
        x.to(mc.uint8).masked_fill(mask, 300)


def test_two_numbers_make_a_tensor():
    for name in ("add", "sub", "mul", "div"):
        for x, y in ((2, 3), (2.5, 3), (2, 0.5)):
            ours, theirs = getattr(mc, name)(x, y), getattr(torch, name)(x, y)
            assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
            assert ours.item() == pytest.approx(theirs.item())
    with pytest.raises(TypeError, match="pow expects a tensor, got two numbers, 2 and 3"):
        mc.pow(2, 3)


def test_rules_of_integers_and_bool():
    x, zero = mc.tensor([1, 2], device="cpu"), mc.tensor([0, 1], device="cpu")  # GPUs do not look
    for wrong, rule in (
        (lambda: x // 0, "divided by 0"),
        (lambda: x % zero, "divided by 0"),
        (lambda: x.div(0, rounding_mode="trunc"), "divided by 0"),
        (lambda: x**-1, "at least 0, got -1"),
        (lambda: x.add(x, alpha=0.5), "expects an integer alpha, got 0.5"),
        (lambda: x - mc.tensor([True, False]), "sub expects numbers, got bool"),
        (lambda: -mc.tensor([True]), "neg expects numbers, got a bool tensor"),
        (lambda: x + 2**70, "fit into int64"),
        (lambda: F.gelu(x), "gelu expects a floating-point tensor, got int64"),
    ):
        with pytest.raises(RuntimeError, match=rule):
            wrong()
    with pytest.raises(TypeError, match="logical_and expects two tensors, got Tensor and int"):
        x.logical_and(1)


BINARY = [
    "add", "sub", "mul", "div", "pow", "remainder", "fmod", "floor_divide", "float_power",
    "maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "copysign", "heaviside", "ldexp",
    "logaddexp", "nextafter", "xlogy", "gcd", "lcm", "eq", "ne", "lt", "le", "gt", "ge",
    "isclose", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or",
    "bitwise_xor", "bitwise_left_shift",
]  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("operands", [("tensor", 2), (2, "tensor"), (2, 3)], ids=str)
def test_operands_that_may_be_numbers(name, operands):
    def call(library):
        tensor = library.tensor([1, 2, 3])
        x, y = (tensor if x == "tensor" else x for x in operands)
        return getattr(library, name)(x, y).tolist()

    try:
        expected = call(torch)
    except TypeError:
        with pytest.raises(TypeError):
            call(mc)
    except RuntimeError:  # torch has no kernel for integers
        return
    else:
        assert call(mc) == pytest.approx(expected)


@pytest.mark.parametrize("sequence", [[0], (1, 2), "=", b"="])
def test_a_tensor_says_how_often_a_sequence_is_repeated(sequence):
    for count in (mc.tensor(3), mc.tensor([3])):
        assert sequence * count == count * sequence == sequence * 3
    for other in (mc.tensor(3.0), mc.tensor([3, 4])):
        with pytest.raises(TypeError, match="an index must be an integer tensor of one element"):
            sequence * other
    with pytest.raises(TypeError, match="mul expects tensors or numbers"):
        mc.mul(mc.tensor(3), sequence)

"""Random numbers in place and from tensors, against torch: numbers, layouts, gradients, errors."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

Call = Callable[[Any, Any], Any]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "bool_"]

# Each gets the library and an empty tensor. Those with logarithms and sines may differ by a rounding.
EXACT: dict[str, Call] = {
    "uniform_": lambda lib, x: x.uniform_(),
    "uniform_, bounds": lambda lib, x: x.uniform_(-0.3, 0.77),
    "uniform_, rounded up": lambda lib, x: x.uniform_(1000, 1001),
    "uniform_, from": lambda lib, x: x.uniform_(**{"from": 1, "to": 3}),
    "random_": lambda lib, x: x.random_(),
    "random_, to": lambda lib, x: x.random_(77),
    "random_, from and to": lambda lib, x: x.random_(-7, to=90),
    "bernoulli_": lambda lib, x: x.bernoulli_(0.3),
    "bernoulli_, tensor": lambda lib, x: x.bernoulli_(lib.linspace(0, 1, x.shape[-1])),
    "bernoulli": lambda lib, x: lib.bernoulli(x.fill_(0.3)),
    "bernoulli, p": lambda lib, x: lib.bernoulli(x, 0.8),
    "geometric_": lambda lib, x: x.geometric_(0.2),
    "rand_like": lambda lib, x: lib.rand_like(x),
    "randint_like": lambda lib, x: lib.randint_like(x, 3, 50),
}
ROUNDED: dict[str, Call] = {
    "normal_": lambda lib, x: x.normal_(0.3, 1.7),
    "randn_like": lambda lib, x: lib.randn_like(x),
    "exponential_": lambda lib, x: x.exponential_(1.7),
    "cauchy_": lambda lib, x: x.cauchy_(0.2, 3),
    "log_normal_": lambda lib, x: x.log_normal_(0.2, 1.5),
    "normal, mean": lambda lib, x: lib.normal(x.fill_(2), 3.0),
    "normal, std": lambda lib, x: lib.normal(2.0, x.fill_(3)),
    "normal, both": lambda lib, x: lib.normal(x.fill_(2), lib.ones(x.shape[-1], dtype=x.dtype)),
}
CHECKED = {"bernoulli_, tensor", "bernoulli", "normal, std", "normal, both"}  # what they are given
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "few": lambda empty: empty(7),
    "16": lambda empty: empty(16),
    "odd": lambda empty: empty(3, 23),
    "blocks": lambda empty: empty(20001),
    "transposed": lambda empty: empty(6, 30).t(),
    "permuted": lambda empty: empty(3, 4, 5).permute(2, 0, 1),
    "strided": lambda empty: empty(4, 12, 5)[:, ::2],
}


def both(call: Call, dtype: str, layout: Callable[[Any], Any]) -> tuple[np.ndarray, np.ndarray]:
    results = []
    for lib in (mc, torch):
        lib.manual_seed(11)
        number = getattr(lib, dtype.rstrip("_") if lib is torch else dtype)
        x = layout(functools.partial(lib.empty, dtype=number))
        results.append(np.asarray(call(lib, x).double().numpy()))
    assert mc.get_rng_state().tolist() == torch.get_rng_state().tolist()
    return results[0], results[1]


@pytest.mark.cpu_only
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("call", EXACT.values(), ids=EXACT)
def test_equal_numbers(call: Call, dtype: str, layout: Callable[[Any], Any]) -> None:
    np.testing.assert_array_equal(*both(call, dtype, layout))


@pytest.mark.cpu_only
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("call", ROUNDED.values(), ids=ROUNDED)
def test_numbers_equal_to_rounding(call: Call, dtype: str, layout: Callable[[Any], Any]) -> None:
    ours, theirs = both(call, dtype, layout)
    rounding = {"float16": 2**-9, "bfloat16": 2**-6, "float32": 2e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(ours, theirs, rtol=rounding, atol=rounding)


@pytest.mark.cpu_only
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers(dtype: str) -> None:
    for name in ("random_", "bernoulli_"):
        np.testing.assert_array_equal(*both(EXACT[name], dtype, LAYOUTS["odd"]))
    np.testing.assert_array_equal(*both(lambda lib, x: x.random_(0, 2), dtype, LAYOUTS["odd"]))


@pytest.mark.cpu_only
@pytest.mark.parametrize(
    "low, high", [(0, 2**28 - 1), (0, 2**28), (-5, 2**31), (-(2**62), 2**62), (-(2**63), 2**63 - 1)]
)
def test_ranges_that_take_one_word_or_two(low: int, high: int) -> None:
    ours, theirs = both(lambda lib, x: lib.randint(low, high, (3000,)), "int64", LAYOUTS["few"])
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.cpu_only
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("shape", [(40,), (4, 10)])
def test_multinomial(dtype: str, replacement: bool, size: int, shape: Any) -> None:
    weights = np.linspace(0, 1, 40).reshape(shape)

    def call(lib: Any, x: Any) -> Any:
        drawn = lib.multinomial(lib.tensor(weights, dtype=x.dtype), size, replacement)
        assert drawn.dtype == lib.int64
        return drawn

    np.testing.assert_array_equal(*both(call, dtype, LAYOUTS["few"]))


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(call, id=name, marks=[pytest.mark.numbers_decide] * (name in CHECKED))
        for name, call in {**EXACT, **ROUNDED}.items()
    ],
)
def test_a_seed_gives_the_same_on_every_device(call: Call) -> None:
    drawn = []
    for device in ("cpu", mc.get_default_device()):
        mc.manual_seed(3)
        mc.set_default_device(device)
        drawn.append(call(mc, mc.empty(3, 4, 5).transpose(0, 1)).cpu().numpy())
    np.testing.assert_allclose(*drawn, rtol=1e-6)


def test_images_are_filled_in_one_order_in_both_layouts() -> None:
    filled = []
    for memory_format in (mc.contiguous_format, mc.channels_last):
        mc.manual_seed(0)
        x = mc.empty(2, 3, 4, 5).to(memory_format=memory_format)
        filled.append([x.normal_().tolist(), x.uniform_().tolist(), mc.randn_like(x).tolist()])
    assert filled[0] == filled[1]


def test_an_output_is_used() -> None:
    for make in (mc.rand, mc.randn):
        out = mc.empty(3, 2)
        array = out.array
        assert make(3, 2, out=out) is out and out.array is array
        assert make(5, out=out) is out and out.shape == (5,)
    out = mc.empty(4, dtype=mc.float64)
    mc.manual_seed(0)
    mc.rand(4, out=out)
    mc.manual_seed(0)
    assert out.tolist() == mc.rand(4, dtype=mc.float64).tolist()


@pytest.mark.parametrize("name", ["uniform_", "normal_", "random_", "bernoulli_", "exponential_"])
def test_gradients_and_versions(name: str) -> None:
    x = mc.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(x, name)()
    with mc.no_grad():
        assert getattr(x, name)() is x
    y = x * 2
    getattr(y, name)()
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0, 0]
    needed = mc.ones(4)
    product = (x * needed).sum()
    getattr(needed, name)()
    with pytest.raises(RuntimeError, match="changed in place"):
        product.backward()
    with pytest.raises(RuntimeError, match="more than once"):
        getattr(mc.ones(1).expand(3), name)()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(mc.bernoulli, marks=pytest.mark.numbers_decide),
        lambda x: mc.normal(x, 1.0),
        lambda x: mc.normal(1, x),
        lambda x: mc.normal(x, x),
    ],
)
def test_functions_have_a_gradient_of_zero(call: Callable[[mc.Tensor], mc.Tensor]) -> None:
    x = mc.full((3,), 0.5, requires_grad=True)
    call(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0]


ERRORS: dict[str, Callable[[Any], Any]] = {
    "uniform_, order": lambda lib: lib.ones(2).uniform_(2, 1),
    "uniform_, NaN": lambda lib: lib.ones(2).uniform_(float("nan"), 1),
    "uniform_, range": lambda lib: lib.ones(2).uniform_(-3e38, 3e38),
    "uniform_, integers": lambda lib: lib.ones(2, dtype=lib.int64).uniform_(),
    "normal_, integers": lambda lib: lib.ones(2, dtype=lib.int64).normal_(),
    "normal_, std": lambda lib: lib.ones(2).normal_(0, -1),
    "exponential_, 0": lambda lib: lib.ones(2).exponential_(0),
    "exponential_, integers": lambda lib: lib.ones(2, dtype=lib.int64).exponential_(),
    "geometric_, 0": lambda lib: lib.ones(2).geometric_(0),
    "geometric_, 1": lambda lib: lib.ones(2).geometric_(1.0),
    "geometric_, bool": lambda lib: lib.ones(2).bool().geometric_(0.3),
    "cauchy_, 0": lambda lib: lib.ones(2).cauchy_(0, 0),
    "cauchy_, integers": lambda lib: lib.ones(2, dtype=lib.int64).cauchy_(),
    "log_normal_, 0": lambda lib: lib.ones(2).log_normal_(0, 0),
    "log_normal_, integers": lambda lib: lib.ones(2, dtype=lib.int64).log_normal_(),
    "bernoulli_, 2": lambda lib: lib.ones(2).bernoulli_(2),
    "bernoulli_, shape": lambda lib: lib.ones(2).bernoulli_(lib.ones(3)),
    "bernoulli_, integers": lambda lib: lib.ones(2).bernoulli_(lib.ones(2, dtype=lib.int64)),
    "bernoulli, 1.5": lambda lib: lib.bernoulli(lib.tensor([0.5, 1.5])),
    "bernoulli, integers": lambda lib: lib.bernoulli(lib.tensor([1, 0])),
    "random_, empty": lambda lib: lib.ones(2).random_(3, 3),
    "random_, uint8": lambda lib: lib.ones(2, dtype=lib.uint8).random_(300),
    "randint, empty": lambda lib: lib.randint(3, 3, (2,)),
    "randint, uint8": lambda lib: lib.randint(-1, 3, (2,), dtype=lib.uint8),
    "randint_like, bool": lambda lib: lib.randint_like(lib.ones(2).bool(), 5),
    "rand_like, integers": lambda lib: lib.rand_like(lib.tensor([1])),
    "rand, integers": lambda lib: lib.rand(2, dtype=lib.int64),
    "randn, integers": lambda lib: lib.randn(2, dtype=lib.int64),
    "normal, std": lambda lib: lib.normal(0.0, -1.0, (2,)),
    "normal, stds": lambda lib: lib.normal(lib.zeros(2), -lib.ones(2)),
    "normal, shapes": lambda lib: lib.normal(lib.zeros(2), lib.ones(3)),
    "normal, no size": lambda lib: lib.normal(0.0, 1.0),
    "normal, integers": lambda lib: lib.normal(lib.tensor([1]), 1.0),
    "multinomial, too many": lambda lib: lib.multinomial(lib.ones(3), 4),
    "multinomial, none": lambda lib: lib.multinomial(lib.ones(3), 0, True),
    "multinomial, dims": lambda lib: lib.multinomial(lib.ones(1, 2, 3), 1),
    "multinomial, negative": lambda lib: lib.multinomial(lib.tensor([1.0, -1.0]), 1),
    "multinomial, zeros": lambda lib: lib.multinomial(lib.zeros(2), 1),
    "multinomial, integers": lambda lib: lib.multinomial(lib.tensor([1, 2]), 1),
}


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS)
def test_errors(call: Callable[[Any], Any]) -> None:
    with pytest.raises(Exception) as theirs:
        call(torch)
    with pytest.raises(theirs.type):
        call(mc)


def test_a_range_with_gaps_is_warned_of() -> None:
    for lib in (torch, mc):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lib.randint(2**30, (2,), dtype=lib.float32)
        assert [each.category for each in caught] == [UserWarning]

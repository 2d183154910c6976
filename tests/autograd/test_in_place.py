"""Changes in place: what they do to numbers, histories and errors, compared with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_same, shares_memory
from outcomes import assert_equal_outcomes

import minicnn as mc
import minicnn.nn.functional as F


def leaf(library: Any, *shape: int) -> Any:
    array = np.linspace(-1, 2, int(np.prod(shape))).reshape(shape)
    return library.tensor(array, dtype=library.float64, requires_grad=True)


# -------------------------------------------------------------------------------------- copy_


def test_a_copy_has_a_history_of_its_own():
    """From pytorch/torch-autograd#106 and lightning-thunder#1284."""

    def squares(lib):
        w = leaf(lib, 2)
        z = lib.zeros(2)
        z.copy_(w)
        (z * z).sum().backward()
        return w.grad.tolist()

    def source_saved_the_target(lib):
        a, b = leaf(lib, 3), leaf(lib, 3)
        x = a * 1
        z = b * x
        x.mul_(10)
        x.copy_(z)
        x.sum().backward()

    def hooks(lib):
        seen = []
        w = leaf(lib, 2)
        source, copy = w * 1, lib.zeros(2, dtype=lib.float64)
        copy.copy_(source)
        copy.register_hook(lambda grad: seen.append(grad.tolist()))
        (copy.sum() + (source * 3).sum()).backward()
        return seen, w.grad.tolist()

    def constant(lib):
        w = leaf(lib, 2)
        x = w * 1
        x.copy_(lib.ones(2))
        x.sum().backward()
        return x.requires_grad, w.grad.tolist()

    def scaled_copy_of_a_leaf(lib):
        w, x = leaf(lib, 2), lib.zeros(3, 2)
        x.copy_(w)
        x.mul_(2)
        x.sum().backward()
        return x.dtype == lib.float32, w.grad.dtype == lib.float64, w.grad.tolist()

    assert assert_equal_outcomes(squares) == [-2.0, 4.0]
    assert assert_equal_outcomes(source_saved_the_target) == "RuntimeError"
    assert assert_equal_outcomes(hooks) == ([[1.0, 1.0]], [4.0, 4.0])
    assert assert_equal_outcomes(constant) == (True, [0.0, 0.0])
    assert assert_equal_outcomes(scaled_copy_of_a_leaf) == (True, True, [6.0, 6.0])


def test_what_can_be_copied():
    def copied(source, **options):
        return lambda lib: lib.zeros(2, 3, **options).copy_(source(lib)).tolist()

    for program in (
        copied(lambda lib: lib.tensor([1.5, -2.5, 3.0]), dtype=None),
        copied(lambda lib: 7),
        copied(lambda lib: lib.ones(2)),
        copied(lambda lib: lib.ones(1, 2, 3)),
        lambda lib: lib.zeros(3, dtype=lib.int64).copy_(lib.tensor([1.5, -2.5, 3.0])).tolist(),
        lambda lib: lib.zeros(3, dtype=lib.int64).copy_(leaf(lib, 3)).requires_grad,
        lambda lib: lib.zeros(2).copy_("a"),
        lambda lib: lib.zeros(3, 1)[:, :0].expand(3, 0).exp_().fill_(2).tolist(),
        lambda lib: lib.zeros(3, 0).exp_().tolist(),
    ):
        assert_equal_outcomes(program)


# --------------------------------------------------------------------- saved tensors and versions

SAVED = {
    "exp_ then scaled": lambda y, lib: y.exp_().mul_(2),
    "exp_ then shifted": lambda y, lib: y.exp_().add_(2),
    "tanh_ twice": lambda y, lib: y.tanh_().tanh_(),
    "relu_ twice": lambda y, lib: y.relu_().relu_(),
    "square_ twice": lambda y, lib: y.square_().square_(),
    "itself as factor": lambda y, lib: y.mul_(y),
    "itself as term": lambda y, lib: y.add_(y),
    "itself as divisor": lambda y, lib: y.div_(y),
    "rounded quotient": lambda y, lib: y.div_(3.0, rounding_mode="floor"),
    "remainder": lambda y, lib: y.remainder_(0.7),
    "a view, then the base": lambda y, lib: (y[0].exp_(), y.mul_(2))[1],
    "a view, then another": lambda y, lib: (y[0].exp_(), y[1].mul_(2), y)[2],
    "detached": lambda y, lib: (y.exp_(), y.detach().mul_(2), y)[2],
    "through data": lambda y, lib: (y.exp_(), y.data.mul_(2), y)[2],
    "transposed": lambda y, lib: (y * y, y.t_())[0],
    "filled": lambda y, lib: y.fill_(2),
    "zeroed": lambda y, lib: y.zero_(),
    "compared": lambda y, lib: y.gt_(0.5),
    "negated logically": lambda y, lib: y.logical_not_(),
    "cumulated": lambda y, lib: y.cumsum_(0).cumsum_(1),
    "set by a mask": lambda y, lib: (y.__setitem__(y.detach() > 0, 3.0), y)[1],
    "set at repeated indices": lambda y, lib: (y.__setitem__([0, 0], y.detach()[:2] * 2), y)[1],
}


@pytest.mark.parametrize("change", SAVED.values(), ids=SAVED)
def test_what_backward_makes_of_changed_tensors(change):
    def program(lib):
        x = leaf(lib, 2, 3)
        out = change(x * 1, lib)
        out.sum().backward()
        return out, x.grad

    assert_equal_outcomes(program)


@pytest.mark.parametrize("name", ["relu", "elu", "leaky_relu", "silu", "hardswish"])
@pytest.mark.parametrize("then", ["nothing", "scale", "scale the input of another"])
def test_activations_in_place(name, then):
    def program(lib):
        functional = F if lib is mc else torch.nn.functional
        x = leaf(lib, 6)
        y = x.exp() - 1.5 if then == "nothing" else x.exp()
        out = getattr(functional, name)(y, inplace=True)
        assert out is y
        if then == "scale":
            out.mul_(2)
        out.sum().backward()
        return out, x.grad

    assert_equal_outcomes(program)
    assert_equal_outcomes(lambda lib: getattr(functional_of(lib), name)(leaf(lib, 2), inplace=True))


def functional_of(lib: Any) -> Any:
    return F if lib is mc else torch.nn.functional


@pytest.mark.parametrize("name", ["relu_", "elu_", "leaky_relu_"])
def test_activations_that_end_in_an_underscore(name):
    def run(functional: Any) -> Callable[..., Any]:
        return lambda x: getattr(functional, name)(x * 1)

    assert_same(run(F), run(torch.nn.functional), [np.linspace(-2, 2, 7)])


def test_a_negative_slope_in_place():
    for name in ("leaky_relu", "elu"):
        assert_equal_outcomes(
            lambda lib, name=name: (
                getattr(functional_of(lib), name)(leaf(lib, 3) * 1, -0.5, True).sum().backward()
            )
        )


@pytest.mark.filterwarnings("ignore:dropout2d reads an input")
@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_in_place(name, p, training):
    x = mc.ones(4, 8, 3, requires_grad=True)
    y = x * 1
    before = y.numpy_copy()
    out = getattr(F, name)(y, p, training, inplace=True)
    assert out is y
    assert y.version.writes == int(training and p > 0)
    out.sum().backward()
    kept = out.numpy_copy() != 0
    np.testing.assert_array_equal(
        out.numpy_copy(), before * kept / (1 - p if training and p < 1 else 1)
    )
    np.testing.assert_array_equal(x.grad.numpy_copy(), out.numpy_copy())
    if training and p > 0:
        with pytest.raises(RuntimeError, match="leaf"):
            getattr(F, name)(x, p, training, inplace=True)


# -------------------------------------------------------------------------------------- views

VIEWS = {
    "one of several": lambda y: y.unbind()[0],
    "a piece": lambda y: y.split(1)[0],
    "a view of a piece": lambda y: y.chunk(2)[0][:1],
    "a row while iterating": lambda y: next(iter(y)),
    "a row": lambda y: y[0],
    "a slice of columns": lambda y: y[:, 1:],
    "transposed": lambda y: y.t(),
    "flat": lambda y: y.reshape(-1),
    "expanded": lambda y: y.expand(2, 2, 3),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("of", ["a result", "a leaf", "a constant"])
@pytest.mark.parametrize("change", ["in place", "of the base", "under no_grad, then used"])
def test_changes_of_views(view, of, change):
    def program(lib):
        x = leaf(lib, 2, 3)
        y = {"a result": x * 1, "a leaf": x, "a constant": x.detach() + 1}[of]
        v = view(y)
        if change == "in place":
            v.mul_(x.sum())
        elif change == "of the base":
            y.mul_(x.sum())
        else:
            with lib.no_grad():
                y.mul_(2)
        (v * v).sum().backward()
        return v.requires_grad, x.grad.tolist()

    assert_equal_outcomes(program)


def test_views_taken_under_no_grad():
    def taken(lib):
        y = leaf(lib, 2, 3) * 1
        with lib.no_grad():
            return y, y[0]

    def changed_there(lib):
        y, v = taken(lib)
        with lib.no_grad():
            v.zero_()
        return y.tolist()

    def used(use):
        def program(lib):
            _y, v = taken(lib)
            return use(v)

        return program

    assert_equal_outcomes(used(lambda v: v.requires_grad))
    assert_equal_outcomes(used(lambda v: v.mul_(2)))
    assert_equal_outcomes(used(lambda v: (v * 2).sum().backward()))
    assert_equal_outcomes(changed_there)


def test_a_views_hooks_stay_with_its_old_history():
    def program(lib):
        seen = []
        x = leaf(lib, 3)
        y = x * 2
        v = y[:2]
        v.register_hook(lambda grad: seen.append(grad.tolist()))
        v.mul_(3)
        y.sum().backward()
        return seen, x.grad.tolist()

    assert assert_equal_outcomes(program) == ([], [6.0, 6.0, 2.0])


def test_arguments_that_share_memory_with_the_result():
    for change in (
        lambda x: x[1:].add_(x[:-1]),
        lambda x: x[1:].copy_(x[:-1]),
        lambda x: x.add_(x.t()),
        lambda x: x.copy_(x.t()),
        lambda x: x.add_(x[0]),
        lambda x: x.__setitem__(slice(1, None), x[:-1]),
        lambda x: x.__setitem__([0, 1], x[1:]),
        lambda x: x.add_(x),
        lambda x: x[0].add_(x[:, 0]),
        lambda x: x.fill_(x[1, 1]),
    ):

        def program(lib, change=change):
            x = lib.arange(9.0).reshape(3, 3)
            change(x)
            return x.tolist()

        assert_equal_outcomes(program)


def test_second_derivatives_through_a_changed_view():
    def run(lib: Any) -> Callable[..., Any]:
        def gradient(x, y):
            z = x * y
            z.t()[0].mul_(y[:2])
            z[1:, 1:] = y[1:] * x[0, 1:]
            (grad,) = lib.autograd.grad((z * z).sum(), x, create_graph=True)
            return grad

        return gradient

    rng = np.random.default_rng(0)
    assert_same(run(mc), run(torch), [rng.standard_normal((2, 3)), rng.standard_normal(3)])


def test_a_view_in_the_memory_order_of_its_base():
    def run(x):
        y = (x * 2).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        y = y.clone()
        y.permute(0, 2, 3, 1).reshape(-1)[::2] = 0.0
        return y * y

    assert_same(run, run, [np.random.default_rng(0).standard_normal((2, 3, 2, 2))])


# ------------------------------------------------------------------------- methods, dtypes, shapes


def test_every_method_of_torch_whose_operation_is_here():
    names = [n for n in dir(torch.Tensor) if n.endswith("_") and not n.startswith("_")]
    missing = [n for n in names if hasattr(mc.Tensor, n[:-1]) and not hasattr(mc.Tensor, n)]
    assert not missing


UNARY = [
    "abs",
    "ceil",
    "cos",
    "exp",
    "expm1",
    "floor",
    "log",
    "log1p",
    "neg",
    "reciprocal",
    "relu",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "square",
    "tanh",
    "trunc",
]


@pytest.mark.parametrize("name", UNARY)
def test_methods_in_place_agree_with_torch(name):
    def run(x):
        y = x * 1
        out = getattr(y, f"{name}_")()
        assert out is y
        return out

    assert_same(run, run, [np.linspace(0.3, 2.2, 6).reshape(2, 3)])
    with mc.no_grad():
        x = mc.ones(2, requires_grad=True)
        array = x.array
        getattr(x, f"{name}_")()
        assert x.array is array


@pytest.mark.parametrize(
    "change",
    [
        lambda x, lib: x.add_(1.5),
        lambda x, lib: x.exp_(),
        lambda x, lib: x.div_(2),
        lambda x, lib: x.add_(lib.ones(2)),
        lambda x, lib: x.eq_(1.0),
        lambda x, lib: x.logical_and_(lib.ones(2)),
        lambda x, lib: x.clamp_(0.5),
        lambda x, lib: x.add_(lib.ones(3, 2, dtype=x.dtype)),
        lambda x, lib: x.add_(1),
    ],
)
@pytest.mark.parametrize("dtype", ["bool", "int32", "float16"])
def test_results_must_fit_the_dtype_and_the_shape(change, dtype):
    def program(lib):
        x = lib.ones(2, dtype=getattr(lib, dtype, bool))
        return change(x, lib).tolist()

    assert_equal_outcomes(program)


SHAPES = {
    "t_": lambda x: x.t_(),
    "transpose_": lambda x: x.transpose_(0, 1),
    "unsqueeze_": lambda x: x.unsqueeze_(1),
    "squeeze_": lambda x: x.squeeze_(),
    "detach_": lambda x: x.detach_(),
    "requires_grad_": lambda x: x.requires_grad_(),
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_changes_of_shape(change):
    def of(make, then):
        def program(lib):
            x = leaf(lib, 1, 3)
            y = make(x)
            change(y)
            if then == "write":
                y.mul_(2)
            (y * y).sum().backward()
            return tuple(y.shape), x.grad

        return program

    for make in (lambda x: x * 1, lambda x: x, lambda x: (x * 1)[:, :2], lambda x: x.detach()):
        for then in ("use", "write"):
            assert_equal_outcomes(of(make, then))


def test_a_view_of_a_reshaped_base_says_so():
    y = mc.ones(2, 3, requires_grad=True) * 1
    row = y[0]
    y.t_()
    with pytest.raises(RuntimeError, match="after its base was given another shape"):
        row.mul_(2)


def test_data():
    def versions(lib):
        x = lib.ones(2)
        x.data.mul_(2)
        x.detach().mul_(2)
        return x.tolist(), x.version.writes if lib is mc else x._version

    assert assert_equal_outcomes(versions) == ([4.0, 4.0], 1)
    for new in (
        lambda lib: lib.ones(4),
        lambda lib: lib.ones(2, dtype=lib.float64),
        lambda lib: [1],
    ):

        def assigned(lib, new=new):
            x = leaf(lib, 2)
            x.data = new(lib)
            return x.tolist(), x.requires_grad

        assert_equal_outcomes(assigned)
    assert_equal_outcomes(lambda lib: setattr(leaf(lib, 2), "data", lib.ones(2, dtype=lib.int64)))


def test_relu_in_place_is_one_pass_over_the_same_memory():
    x = mc.tensor([-1.0, 2.0, float("nan")]) * 1
    x.requires_grad_()
    y = x * 1
    memory = mc.Tensor.of(y.array)
    out = F.relu(y, inplace=True)
    assert out is y and shares_memory(out, memory)
    (saved,) = out.grad_fn.saved_tensors
    assert shares_memory(saved, memory)

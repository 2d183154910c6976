"""Writing by index against PyTorch, with gradients and their gradients."""

import numpy as np
import pytest
from oracle import assert_agrees

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
X, SOURCE, NUMBERS = (RNG.standard_normal(shape) for shape in ((3, 4), (2, 4), (2, 4)))
INDEX, ROWS = np.array([[0, 2, 1, 0], [1, 1, 0, 0]]), np.array([2, 0])
MASK = X > 0

CALLS = {
    "scatter": lambda m, x, s, n: m.scatter(x, 0, m.tensor([[1, 0, 2, 0]]), s[:1]),
    "scatter of a number": lambda m, x, s, n: x.scatter(1, m.tensor([[1], [0]]), value=2.0),
    "index_add": lambda m, x, s, n: m.index_add(x, 0, m.tensor([1, 1]), n, alpha=2.0),
    "index_copy": lambda m, x, s, n: x.index_copy(0, m.tensor(ROWS), n),
    "index_fill": lambda m, x, s, n: x.index_fill(1, m.tensor([0, 0, -1]), 3.0),
    "index_fill of a tensor": lambda m, x, s, n: x.index_fill(0, m.tensor(ROWS), n[0, 0]),
    "index_reduce": lambda m, x, s, n: x.index_reduce(0, m.tensor(ROWS), n, "amax"),
    "masked_scatter": lambda m, x, s, n: x.masked_scatter(m.tensor(MASK), m.cat([s, n])),
    "masked_scatter of rows": lambda m, x, s, n: x.masked_scatter(m.tensor(MASK[0]), m.cat([s, n])),
    "put": lambda m, x, s, n: x.put(m.tensor([[0, -1]]), n[:1, :2]),
    "index_put": lambda m, x, s, n: m.index_put(x, (m.tensor(ROWS),), n),
    "index_put, adding": lambda m, x, s, n: x.index_put((m.tensor([1, 1]),), n, accumulate=True),
    "index_put at a mask": lambda m, x, s, n: x.index_put((m.tensor(MASK),), n[0, 0]),
    "select_scatter": lambda m, x, s, n: m.select_scatter(x, n[0], 0, 1),
    "slice_scatter": lambda m, x, s, n: m.slice_scatter(x, n, 0, 1),
    "diagonal_scatter": lambda m, x, s, n: m.diagonal_scatter(x, n[0, :3]),
} | {
    f"scatter_reduce {name} {include}": lambda m, x, s, n, name=name, include=include: (
        x.scatter_reduce(0, m.tensor(INDEX), s, name, include_self=include)
    )
    for name in ("sum", "prod", "mean", "amax", "amin")
    for include in (True, False)
}


def marked(name: str) -> object:
    """A mask decides how much is written."""
    decides = "mask" in name
    return pytest.param(name, marks=pytest.mark.numbers_decide) if decides else name


@pytest.mark.parametrize("name", [marked(name) for name in CALLS])
def test_against_torch(name: str) -> None:
    assert_agrees(CALLS[name], X, SOURCE, NUMBERS)


@pytest.mark.cpu_only
@pytest.mark.parametrize("name", CALLS)
def test_gradients(name: str) -> None:
    given = [mc.tensor(a, requires_grad=True) for a in (X, SOURCE, NUMBERS)]

    def call(x, s, n):
        return CALLS[name](mc, x, s, n), s.sum(), n.sum(), x.sum()

    assert gradcheck(call, given) and gradgradcheck(call, given)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.scatter_(0, mc.tensor([[1, 0, 2]]), 1.0),
        lambda x: x.index_fill_(0, mc.tensor([1]), 2.0),
        pytest.param(
            lambda x: x.masked_scatter_(x > 0, x * 2),
            id="masked_scatter_",
            marks=pytest.mark.numbers_decide,
        ),
        lambda x: x.index_add_(0, mc.tensor([1]), x[:1].clone()),
        lambda x: x.put_(mc.tensor([1]), x[0, :1].clone()),
        lambda x: x.index_put_((mc.tensor([0]),), x[1].clone()),
    ],
)
def test_in_place(call) -> None:
    x = mc.tensor(X)
    view = x[1:]
    assert call(x) is x and not np.array_equal(x.cpu().numpy(), X)
    assert np.array_equal(view.cpu().numpy(), x[1:].cpu().numpy())


@pytest.mark.parametrize("reduce", ["add", "multiply"])
def test_scatter_with_reduce(reduce: str) -> None:
    def call(m, x, s):
        return x.detach().scatter(0, m.tensor(INDEX), s.detach(), reduce=reduce)

    assert_agrees(call, X, SOURCE)


@pytest.mark.numbers_decide
def test_products_with_zeros() -> None:
    x, source = X.copy(), SOURCE.copy()
    x[0, 0] = source[0, 0] = source[1, 1] = 0
    for include in (True, False):
        assert_agrees(
            lambda m, x, s, i=include: x.scatter_reduce(
                0, m.tensor(INDEX), s, "prod", include_self=i
            ),
            x,
            source,
        )


@pytest.mark.cpu_only  # which looks at indices
def test_wrong_arguments() -> None:
    for call in (
        lambda m, x, s: x.scatter(0, m.tensor([[3]]), s),
        lambda m, x, s: x.scatter(0, m.tensor([0]), s),
        lambda m, x, s: x.scatter(0, m.tensor([[0]]), s.float()),
        lambda m, x, s: x.scatter_reduce(0, m.tensor([[0]]), s, "median"),
        lambda m, x, s: x.index_add(0, m.tensor([0]), s),
        lambda m, x, s: x.index_fill(0, m.tensor([3]), 1.0),
        lambda m, x, s: x.masked_scatter(x > -100, s[0]),
        lambda m, x, s: x.put(m.tensor([12]), s[0, :1]),
    ):
        assert_agrees(call, X, SOURCE)

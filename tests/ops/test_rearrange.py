"""Joining, cutting and rearranging against PyTorch."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees

import minicnn as mc

X, Y, V = (np.random.default_rng(0).standard_normal(s) for s in ((4, 6), (4, 6), (6,)))
CUBE = np.random.default_rng(1).standard_normal((2, 4, 6))

CALLS = {
    "roll": lambda m, x, y, v: m.roll(x, (1, -2), (0, 1)),
    "roll of all": lambda m, x, y, v: x.roll(5),
    "rot90": lambda m, x, y, v: [m.rot90(x, k) for k in range(-1, 4)],
    "rot90 the other way": lambda m, x, y, v: x.rot90(1, (1, 0)),
    "fliplr": lambda m, x, y, v: [m.fliplr(x), m.flipud(v)],
    "tile": lambda m, x, y, v: [m.tile(x, (2,)), v.tile(2, 3)],
    "broadcast_to": lambda m, x, y, v: m.broadcast_to(v, (4, 6)),
    "broadcast_tensors": lambda m, x, y, v: m.broadcast_tensors(x, v),
    "ravel": lambda m, x, y, v: [x.ravel(), m.swapaxes(x, 0, 1), m.adjoint(x), x.mH, x.H],
    "stacks": lambda m, x, y, v: [m.hstack((x, y)), m.vstack((x, v)), m.dstack((x, y))],
    "more stacks": lambda m, x, y, v: [m.column_stack((v, v)), m.row_stack((v, x))],
    "stacks of vectors": lambda m, x, y, v: [m.hstack((v, v)), m.dstack((v, v))],
    "concat": lambda m, x, y, v: [m.concat((x, y), 1), m.concatenate((x, y))],
    "tensor_split": lambda m, x, y, v: m.tensor_split(x, 4, dim=1),
    "tensor_split at indices": lambda m, x, y, v: x.tensor_split((1, -2, 9), 1),
    "hsplit": lambda m, x, y, v: [*m.hsplit(x, 2), *v.hsplit([2]), *x.vsplit((1, 3))],
    "split_with_sizes": lambda m, x, y, v: x.split_with_sizes([1, 3]),
    "atleast": lambda m, x, y, v: [m.atleast_1d(v[0]), m.atleast_2d(v), m.atleast_3d(x)],
    "meshgrid": lambda m, x, y, v: m.meshgrid(v, v[:2], indexing="ij"),
    "meshgrid xy": lambda m, x, y, v: m.meshgrid(v, v[:2], v[:3], indexing="xy"),
    "cartesian_prod": lambda m, x, y, v: m.cartesian_prod(v[:2], v[2:]),
    "combinations": lambda m, x, y, v: m.combinations(v, 3),
    "combinations with replacement": lambda m, x, y, v: m.combinations(v, 2, True),
    "block_diag": lambda m, x, y, v: m.block_diag(x, v, v[0]),
    "tril": lambda m, x, y, v: [m.tril(x), x.triu(1), x.tril(-2)],
    "indices": lambda m, x, y, v: [m.tril_indices(3, 4, 1), m.triu_indices(3, 4, -1)],
    "diag": lambda m, x, y, v: [m.diag(x, 1), m.diag(v, -1), m.diagflat(x[:2])],
    "diagonal": lambda m, x, y, v: [m.diagonal(x, -1), x.diagonal(9), m.trace(x)],
    "diag_embed": lambda m, x, y, v: [m.diag_embed(x, 1), x.diag_embed(0, 0, 2)],
    "unfold": lambda m, x, y, v: [x.unfold(1, 3, 2), x.unfold(0, 2, 1)],
    "as_strided": lambda m, x, y, v: m.as_strided(x, (3, 4), (2, 1), 1),
    "sum_to_size": lambda m, x, y, v: [x.sum_to_size(1, 6), x.sum_to_size((6,))],
    "where": lambda m, x, y, v: x.where(x > y, v),
    "view as integers": lambda m, x, y, v: x.detach().view(m.int64),
    "view as smaller integers": lambda m, x, y, v: x.detach().view(m.int16),
}


@pytest.mark.parametrize("name", CALLS)
def test_against_torch(name: str) -> None:
    assert_agrees(CALLS[name], X, Y, V)


@pytest.mark.parametrize("dims", [(0, 1), (1, 2), (-1, 0)])
def test_diagonals_of_several_matrices(dims: tuple[int, int]) -> None:
    assert_agrees(lambda m, x: x.diagonal(1, *dims), CUBE)
    assert_agrees(lambda m, x: [x.tril(1), x.dsplit(3)[0]], CUBE)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.diagonal(1),
        lambda x: x.unfold(1, 2, 2),
        lambda x: x.as_strided((2, 3), (6, 2), 1),
        lambda x: x[1:].as_strided((2, 3), (6, 2)),
        lambda x: x.hsplit(2)[0],
        lambda x: x.swapaxes(0, 1),
    ],
)
def test_views_are_changed_in_place(view) -> None:
    def call(m, x):
        x = x * 1
        with m.no_grad():
            view(x).mul_(2.0)
        return x * 3

    assert_agrees(call, X)


@pytest.mark.parametrize(
    "view",
    [lambda x: x.diagonal(), lambda x: x.as_strided((2, 2), (1, 6)), lambda x: x.narrow(0, 1, 1)],
)
def test_changes_of_views_are_recorded(view) -> None:
    def call(m, x):
        x = x * 1
        view(x).mul_(2.0)
        return x * x

    assert_agrees(call, X)


def test_in_place() -> None:
    def call(m, x, y):
        x, y = x.detach().clone(), y.detach().clone()
        x.tril_().fill_diagonal_(5.0)
        y.swapaxes_(0, 1).fill_diagonal_(1.0, wrap=True)
        return x, y, y.clone().resize_(2, 3), y.clone().resize_as_(x)

    assert_agrees(call, X, Y)


def test_set_shows_other_memory() -> None:
    x, y = mc.zeros(2), mc.ones(3)
    x.set_(y)
    y[0] = 5
    assert x.tolist() == [5.0, 1.0, 1.0]


def test_broadcast_shapes() -> None:
    assert mc.broadcast_shapes((2, 1), 3, (1, 3)) == torch.broadcast_shapes((2, 1), 3, (1, 3))
    assert_agrees(lambda m: m.broadcast_shapes((2,), (3,)))


def test_meshgrid_without_indexing_warns() -> None:
    with pytest.warns(UserWarning, match="indexing"):
        mc.meshgrid(mc.arange(2), mc.arange(3))


def test_wrong_arguments() -> None:
    for call in (
        lambda m, x: m.roll(x, (1, 2), 0),
        lambda m, x: m.rot90(x, 1, (0, 0)),
        lambda m, x: m.fliplr(x[0]),
        lambda m, x: m.hsplit(x, 4),
        lambda m, x: m.tensor_split(x, 0),
        lambda m, x: m.meshgrid(x, x, indexing="ij"),
        lambda m, x: m.tril(x[0]),
        lambda m, x: m.diagonal(x, 0, 1, 1),
        lambda m, x: x.unfold(0, 5, 1),
        lambda m, x: x.as_strided((5, 6), (6, 1)),
        lambda m, x: x[:, :3].detach().float().view(m.float64),
        lambda m, x: m.combinations(x),
        lambda m, x: x.sum_to_size(2, 6),
        lambda m, x: m.unravel_index(m.tensor([1.0]), (2,)),
    ):
        assert_agrees(call, X)

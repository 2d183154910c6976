"""Elements and slices by index against PyTorch."""

import numpy as np
import pytest
from oracle import assert_agrees

X = np.random.default_rng(0).standard_normal((3, 4, 2))

CALLS = {
    "take": lambda m, x: m.take(x, m.tensor([[0, -1], [5, 5]])),
    "take one": lambda m, x: x.take(m.tensor(3)),
    "take_along_dim": lambda m, x: m.take_along_dim(x, m.argsort(x.detach(), 1), 1),
    "take_along_dim, broadcast": lambda m, x: x.take_along_dim(m.tensor([[[1], [-1]]]), 1),
    "take_along_dim of all": lambda m, x: x.take_along_dim(m.tensor([3, 0])),
    "argwhere": lambda m, x: m.argwhere(x > 0),
    "where of a condition": lambda m, x: m.where(x > 0),
    "select": lambda m, x: m.select(x, 1, -1),
    "narrow": lambda m, x: m.narrow(x, 1, -3, 2),
    "repeat_interleave": lambda m, x: m.repeat_interleave(x, 2),
    "repeat_interleave of slices": lambda m, x: x.repeat_interleave(m.tensor([2, 0, 1]), dim=0),
    "repeat_interleave of counts": lambda m, x: m.repeat_interleave(m.tensor([2, 0, 3])),
    "unravel_index": lambda m, x: m.unravel_index(m.tensor([5, 23]), (3, 4, 2)),
    "a mask after an ellipsis": lambda m, x: x[..., m.tensor([True, False])],
    "tensors around a slice": lambda m, x: x[m.tensor([0, 2]), :, m.tensor([1, 0])],
}


@pytest.mark.numbers_decide
@pytest.mark.parametrize("name", CALLS)
def test_against_torch(name: str) -> None:
    assert_agrees(CALLS[name], X)


def test_views_share_memory() -> None:
    for view in (lambda x: x.select(1, 2), lambda x: x.narrow(0, 1, 2), lambda x: x.diagonal()):

        def call(m, x, view=view):
            x = x * 1
            view(x).mul_(3.0)
            return x

        assert_agrees(call, X)


def test_added_at_an_index() -> None:
    def call(m, x):
        x = x * 1
        x[m.tensor([0, 2])] += 1
        x[x > 1] = 0.5
        return x

    assert_agrees(call, X)


@pytest.mark.cpu_only  # which looks at indices
def test_wrong_arguments() -> None:
    for call in (
        lambda m, x: x.take(m.tensor([24])),
        lambda m, x: x.take(m.tensor([1.0])),
        lambda m, x: x.take_along_dim(m.tensor([0]), 1),
        lambda m, x: x.select(1, 4),
        lambda m, x: x.narrow(1, 3, 2),
        lambda m, x: x.repeat_interleave(m.tensor([1, 2]), 0),
        lambda m, x: x.repeat_interleave(-1),
    ):
        assert_agrees(call, X)

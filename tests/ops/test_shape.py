"""Operations that move elements, against PyTorch and finite differences."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees, assert_same, channels_last, normal, shares_memory

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

X = np.random.default_rng(0).standard_normal((2, 3, 4))

METHODS = {
    "reshape": lambda x: x.reshape(4, 6),
    "reshape with -1": lambda x: x.reshape((-1, 3)),
    "view": lambda x: x.view(2, 12),
    "reshape of a transpose": lambda x: x.transpose(0, 2).reshape(2, 12),
    "permute": lambda x: x.permute(2, 0, 1),
    "permute negative": lambda x: x.permute(-1, 0, 1),
    "transpose": lambda x: x.transpose(-1, 0),
    "T": lambda x: x[0].T,
    "mT": lambda x: x.mT,
    "t": lambda x: x[0].t(),
    "flatten": lambda x: x.flatten(1),
    "flatten all": lambda x: x.flatten(),
    "unflatten": lambda x: x.unflatten(2, (2, -1)),
    "squeeze": lambda x: x[:1].squeeze(),
    "squeeze one": lambda x: x[:1].squeeze(0),
    "squeeze nothing": lambda x: x.squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "unsqueeze last": lambda x: x.unsqueeze(-1),
    "expand": lambda x: x[:, :1].expand(5, 2, 3, 4),
    "expand with -1": lambda x: x[:, :1].expand(-1, 6, -1),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "repeat with a new dimension": lambda x: x.repeat(2, 1, 1, 2),
    "split": lambda x: x.split(2, 2)[1],
    "split unevenly": lambda x: x.split(split_size=[1, 3], dim=-1)[1],
    "chunk": lambda x: x.chunk(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "flip": lambda x: x.flip(0, 2),
    "contiguous": lambda x: x.transpose(0, 1).contiguous(),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", METHODS)
def test_methods(name, dtype):
    assert_same(METHODS[name], METHODS[name], [X], dtype)


@pytest.mark.parametrize("name", METHODS)
def test_gradients_by_finite_differences(name):
    x = mc.tensor(X, requires_grad=True)
    assert gradcheck(lambda x: METHODS[name](x) ** 2, x)
    assert gradgradcheck(lambda x: METHODS[name](x) ** 2, x)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cat_and_stack(dim):
    for name in ("cat", "stack"):
        assert_same(
            lambda *parts, name=name: getattr(mc, name)(parts, dim),
            lambda *parts, name=name: getattr(torch, name)(parts, dim),
            [X, X + 1, X * 2],
        )


def test_cat_of_one_tensor_twice_sums_its_gradients():
    assert_same(lambda x: mc.cat([x, x, x * 2]), lambda x: torch.cat([x, x, x * 2]), [X])


def test_cat_of_other_dtypes_and_of_nothing():
    parts = mc.ones(1, dtype=mc.int64), mc.ones(1)
    assert mc.cat(parts).dtype == mc.float32
    assert mc.cat([mc.tensor([]), mc.ones(2, 3)]).shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"at least one dimension, got shape \(\)"):
        mc.cat([mc.tensor(1.0)])
    with pytest.raises(ValueError, match="at least one tensor"):
        mc.cat([])


def test_flip_of_no_dimension():
    assert mc.arange(3).flip([]).tolist() == [0, 1, 2]


def test_views_share_memory_and_copies_do_not():
    x = mc.zeros(2, 3)
    for view in (
        x.reshape(3, 2),
        x.t(),
        x[0],
        x[:, 1:],
        x.expand(4, 2, 3),
        x.detach(),
        x.flatten(),
    ):
        assert shares_memory(view, x)
    for copy in (x.clone(), x.t().reshape(6), x[[0, 1]], x.flip(0)):
        assert not shares_memory(copy, x)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda x: x.reshape(5, 5), r"shape of 24 elements, got \(5, 5\) for \(2, 3, 4\)"),
        (lambda x: x.permute(0, 1), r"each of 3 dimensions once, got \(0, 1\)"),
        (lambda x: x.expand(-1, 2, 3, 4), r"broadcasts to, got \(-1, 2, 3, 4\)"),
        (lambda x: mc.cat([x[0, 0], x[0]], 0), r"differ in dimension 0 only"),
        (lambda x: x.expand(2, 5, 4), r"\(2, 3, 4\) broadcasts to, got \(2, 5, 4\)"),
        (
            lambda x: mc.cat([x, x[:, :2]]),
            r"differ in dimension 0 only, got \(2, 3, 4\), \(2, 2, 4\)",
        ),
        (lambda x: mc.stack([x, x[0]]), "tensors of one shape"),
        (lambda x: x.split([1, 1], 2), r"add up to 4, got \[1, 1\]"),
    ],
)
def test_errors_state_the_rule_and_the_values(wrong, message):
    with pytest.raises(RuntimeError, match=message):
        wrong(mc.tensor(X))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: mc.cat([x, y], 1),
        lambda x, y: mc.cat([x, y], 0),
        lambda x, y: mc.cat([x, y], -1),
        lambda x, y: x + y,
        lambda x, y: x * y,
    ],
    ids=["channels", "images", "columns", "add", "mul"],
)
def test_images_stay_channels_last(function):
    x, y = (channels_last(normal(2, 3, 4, 5, seed=seed)) for seed in (0, 1))
    out = function(mc.tensor(x), mc.tensor(y))
    assert out.permute(0, 2, 3, 1).is_contiguous()
    expected = function(mc.tensor(x.copy("C")), mc.tensor(y.copy("C")))
    np.testing.assert_array_equal(out.cpu().numpy(), expected.cpu().numpy())


CALLS = {
    "transpose": lambda m, x: m.transpose(x, 0, -1),
    "t": lambda m, x: m.t(x),
    "mT": lambda m, x: x.mT,
    "movedim": lambda m, x: m.movedim(x, 0, -1),
    "moveaxis of several": lambda m, x: x.moveaxis((0, 1), (2, 0)),
    "movedim, lists": lambda m, x: x.movedim([0, -1], [1, 0]),
    "movedim of none": lambda m, x: x.movedim((), ()),
    "movedim, repeated source": lambda m, x: x.movedim((0, 0), (0, 1)),
    "movedim, repeated destination": lambda m, x: x.movedim((0, 1), (1, 1)),
    "movedim, uneven": lambda m, x: x.movedim((0, 1), (0,)),
    "permute by keyword": lambda m, x: m.permute(x, dims=(1, 0)),
    "permute of none": lambda m, x: x.permute(()),
    "squeeze": lambda m, x: m.squeeze(x),
    "squeeze nothing": lambda m, x: x.squeeze(()),
    "squeeze several": lambda m, x: x.squeeze((0, -1)),
    "squeeze one": lambda m, x: m.squeeze(x, dim=0),
    "unsqueeze": lambda m, x: x.unsqueeze(-1),
    "flatten": lambda m, x: m.flatten(x),
    "flatten from 1": lambda m, x: x.flatten(1),
    "unflatten": lambda m, x: m.unflatten(x, 0, (-1, 1)),
    "unflatten, no size": lambda m, x: x.unflatten(0, ()),
    "unflatten, 0 and -1": lambda m, x: x.unflatten(0, (0, -1)),
    "expand": lambda m, x: x.expand(2, *x.shape),
    "expand, keyword": lambda m, x: x.expand(size=(3, *x.shape)),
    "expand, -1": lambda m, x: x.expand(-1, -1),
    "repeat": lambda m, x: x.repeat(2, 3),
    "repeat, keyword": lambda m, x: x.repeat(repeats=(2, 1, 1)),
    "repeat 0 times": lambda m, x: x.repeat(0, 1, 1),
    "reshape, keyword": lambda m, x: m.reshape(x, shape=(-1,)),
    "reshape to a number": lambda m, x: x.reshape(()),
    "reshape, two -1": lambda m, x: x.reshape(-1, -1),
    "reshape, negative": lambda m, x: x.reshape(-2, 3),
    "reshape to nothing": lambda m, x: x.reshape(0, -1),
    "reshape without sizes": lambda m, x: x.reshape(),
    "reshape_as": lambda m, x: x.reshape_as(x),
    "view, keyword": lambda m, x: x.view(size=(-1, 1)),
    "cat": lambda m, x: m.cat([x, x], -1),
    "cat of nothing": lambda m, x: m.cat([]),
    "cat of a tensor": lambda m, x: m.cat(x),
    "cat of None": lambda m, x: m.cat([x, None]),
    "cat of numbers": lambda m, x: m.cat([x, 1.0]),
    "cat beside shape (0,)": lambda m, x: m.cat([m.zeros(0), x], 0),
    "stack": lambda m, x: m.stack([x, x], -1),
    "stack of None": lambda m, x: m.stack([x, None]),
    "split": lambda m, x: m.split(x, split_size_or_sections=2),
    "split of 0": lambda m, x: x.split(0),
    "split, negative": lambda m, x: x.split(-1),
    "split, negative length": lambda m, x: x.split([4, -1]),
    "chunk": lambda m, x: m.chunk(x, 2),
    "chunk of 0": lambda m, x: x.chunk(0),
    "unbind": lambda m, x: m.unbind(x),
    "flip": lambda m, x: m.flip(x, dims=(0,)),
    "flip, list": lambda m, x: x.flip([-1]),
    "flip of none": lambda m, x: x.flip(()),
    "flip without dims": lambda m, x: x.flip(),
    "flip, twice the same": lambda m, x: x.flip(0, 0),
}
SHAPES = [(), (1,), (3,), (0,), (3, 1), (1, 3), (0, 3), (3, 0), (1, 2, 1), (2, 3, 4)]


@pytest.mark.parametrize("name", CALLS)
def test_as_in_torch(name):
    for sizes in SHAPES:
        assert_agrees(CALLS[name], np.asarray(normal(*sizes)), what=str(sizes))


def test_cat_promotes_as_torch():
    dtypes = ["float32", "float16", mc.bfloat16, "float64", "int64", "int32", "uint8", "bool"]
    for a in dtypes:
        for b in dtypes:
            x, y = np.ones((2, 3), a), np.ones((1, 3), b)
            assert_agrees(lambda m, x, y: m.cat([x, y]), x, y, what=f"{a} and {b}")


def test_a_view_of_any_layout():
    x = mc.tensor(X).transpose(0, 2)
    assert x.view(4, 6).tolist() == x.reshape(4, 6).tolist()
    with pytest.raises(RuntimeError, match="not compatible"):
        torch.tensor(X).transpose(0, 2).view(4, 6)


@pytest.mark.parametrize("counts", [(1, 1), (2, 1, 1), (1, 3)])
def test_repeat_copies(counts):
    x = mc.ones(2, 3)
    for repeated in (x.repeat(counts), x.tile(counts)):
        repeated.add_(1)
        assert (repeated == 2).all()
    assert (x == 1).all()

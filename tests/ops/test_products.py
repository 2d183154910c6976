"""Products of vectors and matrices, and distances, against PyTorch."""

import numpy as np
import pytest
from oracle import assert_agrees

import minicnn as mc

RNG = np.random.default_rng(0)
A, B, V, W, BATCH = (RNG.standard_normal(s) for s in ((3, 4), (4, 3), (4,), (3,), (2, 3, 3)))

CALLS = {
    "dot": lambda m, a, b, v, w, s: [m.dot(v, v), m.vdot(v, a[0]), v.inner(v), m.inner(a, v)],
    "outer": lambda m, a, b, v, w, s: [m.outer(v, w), m.ger(w, v)],
    "mv": lambda m, a, b, v, w, s: [m.mv(a, v), m.addmv(w, a, v, beta=2, alpha=0.5)],
    "addr": lambda m, a, b, v, w, s: m.addr(a, w, v, beta=0.5),
    "baddbmm": lambda m, a, b, v, w, s: m.baddbmm(s, s, s, beta=0, alpha=2),
    "addbmm": lambda m, a, b, v, w, s: m.addbmm(s[0], s, s, beta=0.5),
    "multi_dot": lambda m, a, b, v, w, s: m.linalg.multi_dot([w, a, b, a, v]),
    "chain_matmul": lambda m, a, b, v, w, s: m.chain_matmul(a, b, a),
    "kron": lambda m, a, b, v, w, s: [m.kron(a, b), m.kron(v, a)],
    "cross": lambda m, a, b, v, w, s: [m.cross(w, b[0], dim=0), m.linalg.cross(s, w)],
    "matrix_power": lambda m, a, b, v, w, s: [m.matrix_power(s, n) for n in (-2, 0, 1, 5)],
    "vander": lambda m, a, b, v, w, s: m.vander(v.detach()),
    "linalg.vander": lambda m, a, b, v, w, s: m.linalg.vander(a, N=3),
    "vecdot": lambda m, a, b, v, w, s: m.linalg.vecdot(a, v),
    "cdist": lambda m, a, b, v, w, s: [m.cdist(a, a[:2], p=p) for p in (0, 0.5, 1, 2, 3)],
    "cdist inf": lambda m, a, b, v, w, s: m.cdist(s, s[:, :2] + 1, p=float("inf")),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_against_torch(name: str) -> None:
    assert_agrees(CALLS[name], A, B, V, W, BATCH)


@pytest.mark.parametrize("mode", ["use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
def test_distances_of_many_points(mode: str) -> None:
    x, y = RNG.standard_normal((2, 30, 4)), RNG.standard_normal((5, 4))
    assert_agrees(lambda m, x, y: m.cdist(x, y, compute_mode=mode), x, y)


@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_other_dtypes(dtype: type) -> None:
    a, v, w = (x.astype(dtype) for x in (10 * A, 10 * V, 10 * W))
    assert_agrees(lambda m, a, v, w: m.addmv(w, a, v, beta=2, alpha=3), a, v, w)
    assert_agrees(lambda m, a, v, w: [m.outer(v, w), m.dot(v, v), m.kron(a, v)], a, v, w)


def test_in_place() -> None:
    assert_agrees(lambda m, a, v, w: w.detach().clone().addmv_(a, v), A, V, W)
    assert_agrees(lambda m, s: s.detach().clone().baddbmm_(s, s), BATCH)


def test_wrong_arguments() -> None:
    for call in (
        lambda m, a, v, w: m.dot(v, w),
        lambda m, a, v, w: m.dot(a, a),
        lambda m, a, v, w: m.mv(a, w),
        lambda m, a, v, w: m.outer(a, v),
        lambda m, a, v, w: m.matrix_power(a, 2),
        lambda m, a, v, w: m.cross(v, v, dim=0),
        lambda m, a, v, w: m.cdist(a, a.T),
        lambda m, a, v, w: m.cdist(a, a, p=-1),
        lambda m, a, v, w: m.linalg.multi_dot([a]),
        lambda m, a, v, w: m.linalg.multi_dot([a, a]),
    ):
        assert_agrees(call, A, V, W)


@pytest.mark.numbers_decide
def test_coinciding_points_have_a_gradient_of_zero() -> None:
    x = mc.ones(30, 2, requires_grad=True)
    mc.cdist(x, x).sum().backward()
    assert x.grad is not None and x.grad.abs().sum().item() == 0

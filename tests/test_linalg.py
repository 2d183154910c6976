"""``minicnn.linalg`` against PyTorch: values, gradients, and gradients of gradients."""

import numpy as np
import pytest
import torch
from oracle import assert_agrees

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.cusolver

RNG = np.random.default_rng(0)
SQUARE, TALL, WIDE = (RNG.standard_normal(s) for s in ((2, 4, 4), (2, 5, 3), (2, 3, 5)))
POSITIVE = SQUARE @ SQUARE.swapaxes(1, 2) + np.eye(4)
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 5.0]])


def symmetric(x):
    return (x + x.mT) / 2


def signless_svd(m, x):
    u, s, v = m.linalg.svd(x, full_matrices=False)
    return [u.abs(), s, v.abs()]


def signless_eigh(m, x):
    values, vectors = m.linalg.eigh(symmetric(x))
    return [values, vectors.abs()]


CALLS = {
    "inv": (lambda m, x: m.linalg.inv(x), POSITIVE),
    "solve": (lambda m, x: m.linalg.solve(x, x[..., :2]), POSITIVE),
    "solve of a vector": (lambda m, x: m.linalg.solve(x[0], x[1, 0]), POSITIVE),
    "solve from the right": (lambda m, x: m.linalg.solve(x, x[..., :2, :] * 2, left=False), POSITIVE),
    "solve_triangular": (lambda m, x: m.linalg.solve_triangular(x, x, upper=True), POSITIVE),
    "det": (lambda m, x: m.linalg.det(x), SQUARE),
    "slogdet": (lambda m, x: m.linalg.slogdet(x).logabsdet, SQUARE),
    "logdet": (lambda m, x: m.logdet(x), POSITIVE),
    "cholesky": (lambda m, x: m.linalg.cholesky(symmetric(x)), POSITIVE),
    "cholesky, upper": (lambda m, x: m.linalg.cholesky(symmetric(x), upper=True), POSITIVE),
    "cholesky_solve": (lambda m, x: m.cholesky_solve(x[..., :2], m.linalg.cholesky(symmetric(x))), POSITIVE),
    "cholesky_inverse": (lambda m, x: m.cholesky_inverse(m.linalg.cholesky(symmetric(x))), POSITIVE),
    "qr of tall matrices": (lambda m, x: tuple(m.linalg.qr(x)), TALL),
    "qr of wide matrices": (lambda m, x: tuple(m.linalg.qr(x)), WIDE),
    "svd of tall matrices": (signless_svd, TALL),
    "svd of wide matrices": (signless_svd, WIDE),
    "svdvals": (lambda m, x: m.linalg.svdvals(x), WIDE),
    "eigh": (signless_eigh, SQUARE),
    "eigvalsh": (lambda m, x: m.linalg.eigvalsh(symmetric(x)), SQUARE),
    "pinv": (lambda m, x: m.linalg.pinv(x), TALL),
    "lstsq": (lambda m, x: m.linalg.lstsq(x, x[..., :2] ** 2).solution, TALL),
    "matrix_exp": (lambda m, x: m.linalg.matrix_exp(x), SQUARE),
    "matrix norms": (lambda m, x: [m.linalg.matrix_norm(x, p) for p in ("fro", "nuc", 1, -1, 2, -2)], TALL),
    "vector norms": (lambda m, x: [m.linalg.vector_norm(x, p, -1) for p in (0.5, 1, 2, 3)], TALL),
    "norm": (lambda m, x: [m.linalg.norm(x), m.linalg.norm(x[0], 1), m.linalg.norm(x, 3, 1)], TALL),
    "cond": (lambda m, x: [m.linalg.cond(x), m.linalg.cond(x, -2)], SQUARE),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_against_torch(name: str) -> None:
    call, x = CALLS[name]
    assert_agrees(call, x)


@pytest.mark.cpu_only
@pytest.mark.parametrize("name", CALLS)
def test_gradients(name: str) -> None:
    call, array = CALLS[name]
    x = mc.tensor(array, requires_grad=True)

    def several(x):
        found = call(mc, x)
        return tuple(found) if isinstance(found, (list, tuple)) else found

    assert gradcheck(several, x) and gradgradcheck(several, x)


def test_determinants_of_singular_matrices() -> None:
    assert_agrees(lambda m, x: m.linalg.det(x), SINGULAR)


def test_without_gradients() -> None:
    assert_agrees(lambda m, x: m.linalg.matrix_rank(x), SINGULAR)
    assert_agrees(lambda m, x: m.linalg.matrix_rank(x, rtol=0.5), SQUARE)
    assert_agrees(lambda m, x: m.linalg.pinv(x.detach(), hermitian=True), POSITIVE)
    assert_agrees(lambda m, x: m.linalg.cond(x.detach(), 1), SQUARE)
    assert_agrees(lambda m, x: m.linalg.qr(x.detach(), mode="r").R, TALL)
    assert_agrees(lambda m, x: m.svd(x.detach()).S, TALL)


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
def test_least_squares_with_a_driver(driver: str) -> None:
    def call(m, x):
        return tuple(m.linalg.lstsq(x.detach(), x.detach()[..., :1] ** 2, driver=driver))

    assert_agrees(call, TALL)


@pytest.mark.numbers_decide
def test_the_old_svd_gives_v() -> None:
    u, s, v = mc.svd(mc.tensor(WIDE))
    assert np.allclose(((u * s.unsqueeze(-2)) @ v.mT).cpu().numpy(), WIDE)
    u, s, v = mc.linalg.svd(mc.tensor(WIDE))
    assert u.shape == (2, 3, 3) and v.shape == (2, 5, 5)


def test_aliases() -> None:
    assert_agrees(lambda m, x: [m.inverse(x), m.det(x), m.pinverse(x), x.slogdet()[1]], POSITIVE)
    assert_agrees(lambda m, x: [m.cholesky(symmetric(x)), m.qr(x)[1], m.matrix_exp(x)], POSITIVE)


def test_wrong_arguments() -> None:
    for call in (
        lambda m, x: m.linalg.inv(x),
        lambda m, x: m.linalg.inv(x.half()),
        lambda m, x: m.linalg.solve(x, x),
        lambda m, x: m.linalg.qr(x, "full"),
        lambda m, x: m.linalg.matrix_norm(x, 3),
        lambda m, x: m.linalg.matrix_norm(x, dim=(0, 0)),
        lambda m, x: m.linalg.norm(x, 1),
        lambda m, x: m.linalg.lstsq(x, x[..., :2, :]),
        lambda m, x: m.linalg.eigh(x),
    ):
        assert_agrees(call, TALL)


@pytest.mark.cpu_only
def test_matrices_without_inverse() -> None:
    for call in (
        lambda m: m.linalg.inv(m.zeros(2, 2)),
        lambda m: m.linalg.solve(m.zeros(2, 2), m.ones(2)),
        lambda m: m.linalg.cholesky(-m.eye(2)),
    ):
        with pytest.raises(torch.linalg.LinAlgError):
            call(torch)
        with pytest.raises(mc.linalg.LinAlgError):
            call(mc)


def test_no_gradient_where_there_is_none() -> None:
    x = mc.tensor(TALL, requires_grad=True)
    with pytest.raises(RuntimeError, match="complete"):
        mc.linalg.qr(x, "complete").Q.sum().backward()

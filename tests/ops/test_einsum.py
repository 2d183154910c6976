"""einsum and tensordot against PyTorch."""

import numpy as np
import pytest
from oracle import assert_agrees

import minicnn as mc
from minicnn.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)

# by equation, the shapes of the operands
EQUATIONS = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
    "bij, bkj": [(2, 3, 4), (2, 5, 4)],
    "ij,ij->i": [(2, 3), (2, 3)],
    "i,j->ji": [(2,), (3,)],
    "ij->ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ii->i": [(3, 3)],
    "iij,jk": [(2, 2, 3), (3, 4)],
    "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 2)],
    "i...->...i": [(2, 3, 4)],
    "...": [(2, 3)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 2)],
    "bn,anm,bm->ba": [(2, 3), (4, 3, 5), (2, 5)],
    "ij,jk->ik ": [(2, 1), (3, 4)],
    "nchw,ndhw->ncd": [(2, 3, 2, 2), (2, 4, 2, 2)],
    "ijk,k->j": [(2, 3, 4), (4,)],
    "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
    ",i->i": [(), (3,)],
    "aB,Ba": [(2, 3), (3, 2)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations(equation: str) -> None:
    arrays = [RNG.standard_normal(shape) for shape in EQUATIONS[equation]]
    assert_agrees(lambda m, *xs: m.einsum(equation, *xs), *arrays)
    assert_agrees(lambda m, *xs: m.einsum(equation, list(xs)), *arrays)


@pytest.mark.cpu_only
@pytest.mark.parametrize("equation", ["...ij,...jk->...ik", "iij,jk", "bn,anm,bm->ba"])
def test_gradients(equation: str) -> None:
    xs = [mc.tensor(RNG.standard_normal(s), requires_grad=True) for s in EQUATIONS[equation]]
    assert gradcheck(lambda *xs: mc.einsum(equation, *xs), xs)
    assert gradgradcheck(lambda *xs: mc.einsum(equation, *xs), xs)


def test_lists_instead_of_an_equation() -> None:
    x, y = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((4, 5))
    assert_agrees(lambda m, x, y: m.einsum(x, [..., 2], y, [2, 30], [..., 30]), x, y)
    assert_agrees(lambda m, x, y: m.einsum(x, [1, 0, 2], y, [2, 3]), x, y)


@pytest.mark.parametrize(
    "equation", ["ij,jk", "ij", "ij->k", "i->i", "ij->ii", "i1->i", "ij,ij->", "iij->i"]
)
def test_wrong_equations(equation: str) -> None:
    assert_agrees(lambda m, x: m.einsum(equation, x), RNG.standard_normal((2, 3)))


@pytest.mark.parametrize("dims", [0, 1, 2, ([0], [2]), ([1, 2], [0, 1])], ids=str)
def test_tensordot(dims) -> None:
    x, y = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((3, 4, 2))
    assert_agrees(lambda m, x, y: m.tensordot(x, y, dims=dims), x, y)


@pytest.mark.parametrize("other", [np.eye(2), 1.0])
def test_what_is_no_tensor_is_named(other):
    with pytest.raises(TypeError, match=f"einsum expects tensors, got {type(other).__name__}"):
        mc.einsum("ij->", other)

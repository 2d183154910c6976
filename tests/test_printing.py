"""``print(tensor)`` shows what torch shows, to the letter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn import nn

pytestmark = pytest.mark.cpu_only

SHAPES = [
    (), (1,), (5,), (30,), (1000,), (1001,), (2, 3), (7, 1), (40, 40), (3, 400), (2, 3, 4), (1, 1, 1, 5),
    (12, 3, 40), (0,), (0, 3), (2, 0), (6, 7, 30),
]  # fmt: skip
DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "bool",
]


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers of one of the kinds that are printed differently."""
    kind = rng.integers(7)
    x = np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6))
    if kind == 1:
        x = np.round(x)
    elif kind == 2:
        x = np.asarray(x * 10.0 ** rng.integers(-3, 3, shape))
    elif kind == 3:
        x = np.where(rng.random(shape) < 0.2, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0]), x)
    elif kind == 4:
        x = np.where(rng.random(shape) < 0.2, np.inf, np.round(x))
    elif kind == 5:
        x = np.zeros(shape)
    return np.asarray(x)


def both(array: np.ndarray, dtype: str) -> tuple[mc.Tensor, torch.Tensor]:
    with np.errstate(all="ignore"):
        if dtype in ("float32", "float64", "float16", "bfloat16"):
            theirs = torch.from_numpy(np.asarray(array)).to(getattr(torch, dtype))
        else:
            whole = np.asarray(np.nan_to_num(array, nan=0, posinf=100, neginf=-100)).astype(
                np.int64
            )
            theirs = torch.from_numpy(whole).to(getattr(torch, dtype))
    if dtype == "bfloat16":
        return mc.from_numpy(theirs.float().numpy()).to(mc.bfloat16), theirs
    return mc.from_numpy(np.asarray(theirs.numpy())), theirs


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_random_tensors(shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(abs(hash((shape, dtype))) % 2**32)
    for _ in range(8):
        ours, theirs = both(numbers(rng, shape), dtype)
        assert repr(ours) == repr(theirs)
        assert str(ours[:2] if shape else ours) == str(theirs[:2] if shape else theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"precision": 8, "linewidth": 120},
        {"threshold": 10, "edgeitems": 2},
        {"sci_mode": True},
        {"sci_mode": False},
        {"profile": "short"},
        {"profile": "full"},
        {"linewidth": 30},
    ],
    ids=str,
)
def test_options(options: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    for library in mc, torch:
        library.set_printoptions(**options)
    try:
        for shape in (3,), (12, 8), (4, 3, 20):
            for dtype in "float32", "int64":
                ours, theirs = both(numbers(rng, shape), dtype)
                assert repr(ours) == repr(theirs)
    finally:
        for library in mc, torch:
            library.set_printoptions(profile="default")


def test_options_are_restored() -> None:
    before = mc.get_printoptions()
    with mc.printing.printoptions(precision=1):
        assert repr(mc.tensor(math.pi)) == "tensor(3.1)"
    assert mc.get_printoptions() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, nn: lib.ones(3, requires_grad=True),
        lambda lib, nn: lib.arange(30.0).requires_grad_(),
        lambda lib, nn: lib.ones(2, 2, dtype=lib.float64, requires_grad=True) * 2,
        lambda lib, nn: nn.Parameter(lib.ones(2, 3)),
        lambda lib, nn: nn.Parameter(lib.tensor([1.5], dtype=lib.float16), requires_grad=False),
        lambda lib, nn: [lib.ones(1), {"a": lib.zeros(2, dtype=lib.int32)}],
        lambda lib, nn: lib.zeros(0, dtype=lib.int64),
        lambda lib, nn: (
            lib.ones(2, 3).shape,
            lib.float16,
            lib.device("cuda:1"),
            lib.channels_last,
        ),
        lambda lib, nn: (lib.finfo(lib.bfloat16), lib.finfo(lib.float64), lib.iinfo(lib.int8)),
    ],
)
def test_what_stands_beside_the_numbers(make: object) -> None:
    assert repr(make(mc, nn)) == repr(make(torch, torch.nn))


def test_the_default_dtype_is_not_named() -> None:
    for library in mc, torch:
        library.set_default_dtype(library.float64)
    try:
        assert repr(mc.ones(2)) == repr(torch.ones(2))
        assert repr(mc.ones(2).float()) == repr(torch.ones(2).float())
    finally:
        for library in mc, torch:
            library.set_default_dtype(library.float32)


OPERATIONS = {
    "add": lambda x, F: x + x,
    "sub": lambda x, F: x - 1,
    "mul": lambda x, F: x * 2,
    "div": lambda x, F: x / 2,
    "pow": lambda x, F: x**2,
    "neg": lambda x, F: -x,
    "exp": lambda x, F: x.exp(),
    "log": lambda x, F: x.log(),
    "sqrt": lambda x, F: x.sqrt(),
    "abs": lambda x, F: x.abs(),
    "sum": lambda x, F: x.sum(),
    "sum along": lambda x, F: x.sum(1),
    "mean": lambda x, F: x.mean(),
    "mean along": lambda x, F: x.mean(1),
    "max": lambda x, F: x.max(),
    "max along": lambda x, F: x.max(1)[0],
    "var": lambda x, F: x.var(),
    "std": lambda x, F: x.std(),
    "view": lambda x, F: x.view(-1),
    "transpose": lambda x, F: x.transpose(0, 1),
    "permute": lambda x, F: x[None].permute(1, 2, 0),
    "unsqueeze": lambda x, F: x.unsqueeze(0),
    "squeeze": lambda x, F: x[:1].squeeze(0),
    "expand": lambda x, F: x[:1].expand(4, 4),
    "clone": lambda x, F: x.clone(),
    "to": lambda x, F: x.double(),
    "select": lambda x, F: x[0],
    "slice": lambda x, F: x[:2],
    "matmul": lambda x, F: x @ x,
    "relu": lambda x, F: F.relu(x),
    "sigmoid": lambda x, F: x.sigmoid(),
    "tanh": lambda x, F: x.tanh(),
    "softmax": lambda x, F: F.softmax(x, 1),
    "log_softmax": lambda x, F: F.log_softmax(x, 1),
    "leaky_relu": lambda x, F: F.leaky_relu(x),
    "mse_loss": lambda x, F: F.mse_loss(x, x.detach()),
    "l1_loss": lambda x, F: F.l1_loss(x, x.detach()),
    "smooth_l1_loss": lambda x, F: F.smooth_l1_loss(x, x.detach()),
    "cross_entropy": lambda x, F: F.cross_entropy(x, x.detach().argmax(1)),
    "nll_loss": lambda x, F: F.nll_loss(x, x.detach().argmax(1)),
    "nll_loss of images": lambda x, F: F.nll_loss(x[None, None], 0 * x[None].detach().long()),
    "cross_entropy of images": lambda x, F: F.cross_entropy(
        x[None, None], 0 * x[None].detach().long(), reduction="none"
    ),
    "bce": lambda x, F: F.binary_cross_entropy(x.sigmoid(), x.detach().sigmoid()),
    "bce_with_logits": lambda x, F: F.binary_cross_entropy_with_logits(x, x.detach()),
    "linear": lambda x, F: F.linear(x, x, x[0]),
    "conv2d": lambda x, F: F.conv2d(x[None, None], x[None, None]),
    "max_pool2d": lambda x, F: F.max_pool2d(x[None, None], 2),
    "avg_pool2d": lambda x, F: F.avg_pool2d(x[None, None], 2),
    "batch_norm": lambda x, F: F.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_names_of_nodes(operation: str) -> None:
    named = []
    for lib, functional in ((mc, nn.functional), (torch, torch.nn.functional)):
        x = lib.full((4, 4), 0.5, requires_grad=True)
        named.append(OPERATIONS[operation](x, functional).grad_fn.name())
    assert named[0] == named[1]

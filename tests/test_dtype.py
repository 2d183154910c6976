"""dtypes have torch's names, texts and attributes, and NumPy takes them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn

NAMES = [
    "float32", "float", "float64", "double", "float16", "half", "bfloat16", "int8", "int16", "short",
    "int32", "int", "int64", "long", "uint8", "uint16", "uint32", "uint64", "bool",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_and_attributes(name: str) -> None:
    ours, theirs = getattr(mc, name), getattr(torch, name)
    assert repr(ours) == str(ours) == f"{ours}" == repr(theirs)
    for attribute in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert isinstance(ours, mc.dtype) and ours.to_real() is ours
    assert mc.zeros(2, dtype=ours).dtype is ours
    assert pickle.loads(pickle.dumps(ours)) is copy.deepcopy(ours) is ours


def test_numpy_and_dtypes_take_each_other() -> None:
    assert np.zeros(2, mc.float64).dtype == np.float64 == mc.float64
    assert np.dtype(mc.int16) == np.int16 and mc.dtype("int16") is mc.int16
    assert mc.ones(2).dtype == np.float32 and np.dtype("float32") == mc.ones(2).dtype
    assert {np.dtype("float32"): 1}[mc.float32] == 1 == {mc.float32: 1}[np.dtype("float32")]
    assert mc.float32 != mc.float64 and mc.float32 != "nothing" and mc.float32 is not None
    assert mc.float32.name == "float32" and mc.zeros(1, dtype=np.int8).dtype is mc.int8
    with pytest.raises(AttributeError):
        mc.float32.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_limits_of_floating_point(name: str) -> None:
    ours, theirs = mc.finfo(getattr(mc, name)), torch.finfo(getattr(torch, name))
    for limit in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(ours, limit) == getattr(theirs, limit)
    assert repr(ours) == repr(theirs) and mc.finfo().dtype == "float32"
    with pytest.raises(TypeError, match="iinfo"):
        mc.finfo(mc.int8)


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "int32", "int64"])
def test_limits_of_integers(name: str) -> None:
    ours, theirs = mc.iinfo(getattr(mc, name)), torch.iinfo(getattr(torch, name))
    assert (ours.bits, ours.max, ours.min) == (theirs.bits, theirs.max, theirs.min)
    assert repr(ours) == repr(theirs)
    with pytest.raises(TypeError, match="finfo"):
        mc.iinfo(mc.float32)


SIGNED = [n for n in NAMES if not n.startswith("uint") or n == "uint8"]


@pytest.mark.parametrize("first", SIGNED)
def test_promotion_and_casts(first: str) -> None:
    for second in SIGNED:
        ours = getattr(mc, first), getattr(mc, second)
        theirs = getattr(torch, first), getattr(torch, second)
        assert str(mc.promote_types(*ours)) == str(torch.promote_types(*theirs))
        assert mc.can_cast(*ours) == torch.can_cast(*theirs)
        for shapes in ((2,), (2,)), ((), (2,)):
            x, y = (mc.zeros(s, dtype=d) for s, d in zip(shapes, ours))
            a, b = (torch.zeros(s, dtype=d) for s, d in zip(shapes, theirs))
            assert str(mc.result_type(x, y)) == str(torch.result_type(a, b))
        assert str(mc.result_type(x, 2.5)) == str(torch.result_type(a, 2.5))


@pytest.fixture
def doubles() -> Iterator[None]:
    for library in mc, torch:
        library.set_default_dtype(library.float64)
    yield
    for library in mc, torch:
        library.set_default_dtype(library.float32)


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, n: lib.tensor([1.0, 2]),
        lambda lib, n: lib.zeros(2),
        lambda lib, n: lib.arange(0, 1, 0.5),
        lambda lib, n: lib.full((2,), 1.5),
        lambda lib, n: lib.linspace(0, 1, 3),
        lambda lib, n: lib.eye(2),
        lambda lib, n: lib.Tensor([1, 2]),
        lambda lib, n: lib.tensor([1, 2]) / 2,
        lambda lib, n: lib.tensor([1, 2]) + 0.5,
        lambda lib, n: lib.tensor([1, 2]).exp(),
        lambda lib, n: n.Linear(2, 2).weight,
        lambda lib, n: n.BatchNorm1d(2).running_mean,
        lambda lib, n: lib.tensor(np.float32(1)),
    ],
)
@pytest.mark.usefixtures("doubles")
def test_the_default_dtype(make: Any) -> None:
    assert mc.get_default_dtype() is mc.float64
    assert str(make(mc, nn).dtype) == str(make(torch, torch.nn).dtype)


def test_the_default_must_be_floating_point() -> None:
    for wrong in (mc.int32, "float32"):
        with pytest.raises(TypeError, match="floating-point"):
            mc.set_default_dtype(wrong)


def test_layers_and_casts_take_dtypes() -> None:
    x = mc.ones(1, 3, 4, 4).to(mc.float64)
    layer = nn.Conv2d(3, 2, 1).to(mc.float64)
    assert layer(x).dtype is mc.float64
    assert layer.to(x.device, mc.float32)(x.float()).dtype == mc.float
    assert (
        F.softmax(x, 1, dtype=mc.float32).dtype is mc.float32
        and x.sum(dtype=mc.long).dtype is mc.long
    )
    assert (
        x.cpu().type(mc.half).type() == "torch.HalfTensor"
        and x.type_as(mc.ones(1)).dtype is mc.float
    )
    assert x.byte().dtype is mc.uint8 and x.short().dtype is mc.short and x.char().dtype is mc.int8

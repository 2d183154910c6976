"""torch's old constructors, and tensors on memory that exists."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc

pytestmark = pytest.mark.cpu_only

EXPRESSIONS = [
    "lib.Tensor()", "lib.Tensor(2, 3).shape", "lib.Tensor((2, 3))", "lib.Tensor([[1, 2], [3, 4.5]])",
    "lib.Tensor(np.arange(3))", "lib.Tensor(np.ones(2))", "lib.Tensor(lib.Size([2, 2])).shape",
    "lib.Tensor(lib.ones(2, dtype=lib.int64))", "lib.Tensor([lib.tensor(1.0), lib.tensor(2)])",
    "lib.Tensor(range(3))", "lib.Tensor(2.5)", "lib.Tensor('a')", "lib.Tensor(True)",
    "lib.FloatTensor(2, 3).shape", "lib.FloatTensor([1, 2])", "lib.LongTensor([1.7, 2])",
    "lib.LongTensor(np.ones(2))", "lib.FloatTensor(np.arange(3))", "lib.BoolTensor([1, 0])",
    "lib.HalfTensor([1])", "lib.ByteTensor([1, 2])", "lib.CharTensor([-1])", "lib.ShortTensor([3])",
    "lib.IntTensor([3])", "lib.DoubleTensor([3])", "lib.BFloat16Tensor([3])",
    "lib.FloatTensor(lib.ones(2, dtype=lib.int64))", "lib.FloatTensor", "lib.cuda.FloatTensor",
    "isinstance(lib.ones(2), lib.FloatTensor)", "isinstance(lib.ones(2), lib.LongTensor)",
    "isinstance(lib.ones(2), lib.cuda.FloatTensor)", "isinstance(3, (lib.FloatTensor, lib.Tensor))",
    "lib.ones(2).type()", "lib.ones(2).type('torch.DoubleTensor')", "lib.ones(2).type(lib.LongTensor)",
    "lib.ones(2).type(lib.float64)", "lib.ones(2, dtype=lib.bool).type()",
    "lib.ones(2, dtype=lib.uint16).type()", "lib.ones(2).type('foo')", "lib.typename(lib.ones(1))",
    "lib.ones(2).new([1, 2])", "lib.ones(2, dtype=lib.int64).new([1, 2])", "lib.ones(2).new(3, 2).shape",
    "lib.ones(2).new_tensor([1, 2])", "lib.ones(2).new_tensor([1, 2], dtype=lib.int8)",
    "lib.ones(2, dtype=lib.int8).new_zeros(2, 3)", "lib.ones(2).new_ones((2, 3), dtype=lib.int32)",
    "lib.ones(2, dtype=lib.int8).new_full((2,), 3.5)", "lib.ones(2).new_empty((2,)).shape",
    "lib.tensor(lib.ones(1))", "lib.tensor([lib.tensor(1), lib.tensor(2.5)])", "lib.tensor(range(3))",
    "lib.tensor([np.float64(1), 2])", "lib.tensor(1, pin_memory=False)", "lib.scalar_tensor(3)",
    "lib.asarray([1.0, 2], dtype=lib.float64, copy=True, requires_grad=True)",
    "lib.frombuffer(bytearray(b'\\1\\0\\2\\0'), dtype=lib.int16)",
    "lib.frombuffer(bytearray(b'12345678'), dtype=lib.uint8, count=2, offset=1)",
    "lib.logspace(0, 2, 3)", "lib.logspace(0, 3, 4, base=2)", "lib.logspace(0, 1, 3, dtype=lib.int64)",
    "lib.range(0, 3)", "lib.range(1, 2, 0.5)", "lib.zeros(2, out=lib.ones(2))", "lib.ones(3, out=lib.zeros(3))",
    "lib.zeros(2, layout=lib.strided)", 
    "lib.full((2,), 1, out=lib.zeros(2))", "lib.arange(3, out=lib.zeros(3))", "lib.eye(2, out=lib.zeros(2, 2))",
    "lib.numel(lib.ones(2, 3))", "lib.numel(3)", "lib.is_tensor(3)", "lib.is_floating_point(lib.ones(1))",
    "lib.is_complex(lib.ones(1))", "lib.is_nonzero(lib.tensor([0.0]))", "lib.is_nonzero(lib.ones(2))",
    "lib.from_numpy(np.array(['a']))", "(lib.inf, lib.nan, lib.pi, lib.e, lib.newaxis)",
    "lib.Tensor.__new__(lib.Tensor, 2).shape", "lib.device('mps')", "lib.device(device='cpu')",
    "isinstance(lib.ones(1).device, lib.device)", "lib.zeros(1, device='cpu').to('cpu', lib.int8)",
    "lib.set_default_tensor_type('torch.FloatTensor')",
]  # fmt: skip


@pytest.fixture
def arrays_as_in_torch() -> Iterator[None]:
    mc.rules.follow_torch()
    yield
    mc.rules.follow_torch(False)


def test_an_array_is_wrapped_as_it_is() -> None:
    array = np.arange(3)
    assert mc.Tensor(array).array is array and mc.Tensor(array).dtype is mc.int64
    assert mc.Tensor(np.ones(2), requires_grad=True).requires_grad


def outcome(expression: str, lib: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(expression, {"lib": lib, "np": np}))
        except (TypeError, ValueError, RuntimeError) as error:
            return type(error).__name__


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_in_torch(expression: str, arrays_as_in_torch: None) -> None:
    assert outcome(expression, mc) == outcome(expression, torch)


def test_memory_is_shared_or_not() -> None:
    array = np.zeros(3, np.float32)
    assert np.shares_memory(mc.asarray(array).array, array)
    assert not np.shares_memory(mc.asarray(array, copy=True).array, array)
    with pytest.raises(ValueError, match="copy=False"):
        mc.asarray([1.0], copy=False)
    buffer = bytearray(8)
    mc.frombuffer(buffer, dtype=mc.uint8)[0] = 7
    assert buffer[0] == 7 and mc.asarray(buffer, dtype=mc.uint8).tolist()[0] == 7
    x = mc.ones(2)
    assert mc.Tensor(x).data_ptr() == x.data_ptr()


def test_warnings() -> None:
    with pytest.warns(UserWarning, match=r"x\.detach\(\)\.clone\(\)"):
        mc.tensor(mc.ones(1))
    with pytest.warns(UserWarning, match="range is deprecated"):
        mc.range(3)


def test_a_default_type() -> None:
    mc.set_default_tensor_type(mc.DoubleTensor)
    try:
        assert mc.ones(1).dtype is mc.float64
    finally:
        mc.set_default_tensor_type("torch.FloatTensor")
    for wrong in ("torch.cuda.FloatTensor", mc.LongTensor):
        with pytest.raises(TypeError, match="default|floating-point"):
            mc.set_default_tensor_type(wrong)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_the_class_stands_for_the_default_type(name: str) -> None:
    mc.set_default_dtype(getattr(mc, name))
    try:
        x = mc.ones(2, dtype=mc.int64)
        assert x.type(mc.Tensor).dtype == x.type("torch.Tensor").dtype == getattr(mc, name)
    finally:
        mc.set_default_dtype(mc.float32)


def test_a_device_as_a_block() -> None:
    with mc.device("cpu") as device:
        assert mc.get_default_device() == device and mc.ones(1).device == "cpu"
    with pytest.raises(RuntimeError, match="not on 'mps'"), mc.device("mps"):
        mc.ones(1)
    assert mc.get_default_device() == "cpu"
    with pytest.raises(RuntimeError, match="not on 'meta'"):
        mc.ones(1).to("meta")


ATTRIBUTES = [
    "x.stride(0)", "x.t().storage_offset()", "x[1].storage_offset()", "x.T.stride()", "x.is_pinned()",
    "x.share_memory_() is x", "x.untyped_storage().data_ptr() == x[1].untyped_storage().data_ptr()",
    "x.untyped_storage().nbytes()", "len(x.storage())", "x.nbytes", "x.itemsize", "x.ndimension()", "x.nelement()",
    "x.get_device()", "x.is_cuda", "x.is_cpu", "x.is_sparse", "x.is_meta", "x.layout", "x.is_complex()",
    "x.is_signed()", "x.is_inference()", "x.is_same_size(lib.zeros(2, 3))", "x.numpy(force=True)", "x.output_nr",
    "x._version", "lib.ones(3).apply_(lambda v: v + 1)", "lib.empty(0, 3).stride()", "lib.ones(2, 1).stride()",
    "lib.ones(3).map_(lib.zeros(3), lambda a, b: a + 2 * b)", "len(lib.tensor(1))", "f'{lib.tensor(3):>4}'",
    "f'{lib.tensor(1.5):.3f}'", "f'{lib.ones(2):>4}'", "2 in lib.tensor([1, 2])", "5 in lib.tensor([1, 2])",
    "None in lib.ones(1)", "bool(lib.tensor([]))", "bool(lib.ones(2))", "[1, 2, 3][lib.tensor(1)]",
    "int(lib.tensor(2.7))", "float(lib.tensor([2]))", "reversed(lib.tensor([1, 2]))", "list(lib.tensor(1))",
    "list(lib.tensor([1, 2]))", "lib.ones(1) == None", "lib.ones(1) != None", "lib.ones(1) == 'a'",
    "lib.ones(1) < None", "hex(lib.tensor(255))", "lib.tensor(True).item()", "lib.ones(2).tolist()",
    "np.asarray(lib.ones(2))", "lib.ones(2) @ lib.ones(2)", "x.pin_memory()", "x.requires_grad_().numpy()",
]  # fmt: skip


@pytest.mark.parametrize("expression", ATTRIBUTES)
def test_attributes_as_in_torch(expression: str) -> None:
    assert attribute(expression, mc) == attribute(expression, torch)


def attribute(expression: str, lib: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(expression, {"lib": lib, "np": np, "x": lib.ones(2, 3)}))
        except (TypeError, ValueError, RuntimeError) as error:
            return type(error).__name__

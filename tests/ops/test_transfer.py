"""Copies to other dtypes, devices and memory layouts take torch's arguments."""

import numpy as np
import pytest
import torch
from oracle import normal

import minicnn as mc

FORMATS = ["contiguous_format", "channels_last", "preserve_format"]
IMAGES = normal(2, 3, 4, 5).astype(np.float32)


def layouts():
    """(tensor of minicnn, tensor of torch) in C order, transposed, and with channels last."""
    for axes in [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2)]:
        yield mc.tensor(IMAGES).permute(axes), torch.tensor(IMAGES).permute(axes)


def assert_same_layout(ours, theirs):
    assert ours.array.strides == tuple(theirs.element_size() * s for s in theirs.stride())
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    assert np.array_equal(ours.float().numpy_copy(), theirs.float().numpy())


@pytest.mark.parametrize("name", FORMATS)
def test_memory_formats(name):
    for ours, theirs in layouts():
        our, their = getattr(mc, name), getattr(torch, name)
        assert_same_layout(ours.clone(memory_format=our), theirs.clone(memory_format=their))
        assert_same_layout(ours.half(memory_format=our), theirs.half(memory_format=their))
        assert_same_layout(
            ours.to(mc.float64, memory_format=our), theirs.to(torch.float64, memory_format=their)
        )
        if name != "preserve_format":
            assert_same_layout(
                ours.contiguous(memory_format=our), theirs.contiguous(memory_format=their)
            )
            assert ours.is_contiguous(our) == theirs.is_contiguous(memory_format=their)


def test_nothing_is_copied_that_lies_right():
    x = mc.tensor(IMAGES)
    last = x.to(memory_format=mc.channels_last)
    assert last.is_contiguous(memory_format=mc.channels_last) and not last.is_contiguous()
    assert last.contiguous(memory_format=mc.channels_last) is last
    assert last.to(memory_format="channels_last") is last
    assert x.contiguous() is x and x.to(memory_format=mc.contiguous_format) is x
    assert x.to(mc.float32, memory_format=mc.preserve_format) is x


def test_channels_last_of_volumes():
    x = normal(2, 3, 2, 2, 2)
    ours = mc.tensor(x).clone(memory_format=mc.channels_last_3d)
    assert_same_layout(ours, torch.tensor(x).clone(memory_format=torch.channels_last_3d))


def test_gradients_pass_through_a_change_of_layout():
    x = mc.tensor(IMAGES, requires_grad=True)
    grad = mc.tensor(normal(2, 3, 4, 5, seed=1).astype(np.float32))
    x.contiguous(memory_format=mc.channels_last).double().backward(grad.double())
    assert (x.grad == grad).all()


def test_errors_of_memory_formats():
    with pytest.raises(RuntimeError, match=r"channels_last expects a tensor of 4 .*\(2, 3\)"):
        mc.ones(2, 3).clone(memory_format=mc.channels_last)
    with pytest.raises(RuntimeError, match="got preserve_format"):
        mc.ones(2, 3).contiguous(memory_format=mc.preserve_format)
    with pytest.raises(TypeError, match="memory_format must be .* got 'rows'"):
        mc.ones(2, 3).clone(memory_format="rows")


@pytest.mark.parametrize(
    "arguments",
    [
        ("float16",), ("float16", True), ("float16", False, True), ("float32", False, True),
        ("float32", True), ("cpu",), ("cpu", "float16"), ("cpu", "float16", True, True),
        ("cpu", "float32", False, False), (None, "float64"), ("cpu", None, False, True), (),
    ],
    ids=str,
)  # fmt: skip
def test_arguments_by_position(arguments):
    def run(library, x):
        dtypes = ("float16", "float32", "float64")
        given = [getattr(library, a) if a in dtypes else a for a in arguments]
        out = x.to(*given)
        return str(out.dtype).removeprefix("torch."), out is x

    assert run(mc, mc.ones(2, 2).cpu()) == run(torch, torch.ones(2, 2))


def test_another_tensor_names_dtype_and_device():
    x, other = mc.ones(2), mc.ones(1, dtype=mc.float64)
    assert x.to(other).dtype == mc.float64
    assert x.to(x, True) is x
    copy = x.to(x, False, True)
    assert copy is not x and copy.tolist() == x.tolist()


def test_copies_as_functions():
    x = mc.ones(2, requires_grad=True)
    assert mc.clone(input=x).requires_grad and not mc.detach(x).requires_grad
    assert mc.detach(x).data_ptr() == x.data_ptr() != mc.clone(x).data_ptr()
    assert mc.masked_fill(x, mc.tensor([True, False]), 3.0).tolist() == [3, 1]

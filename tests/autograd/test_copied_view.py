"""Writing to what ``view`` returns for a convolution's weights and results, compared with PyTorch.

Their channels are last in memory here, so that ``view`` has to copy.
"""

from __future__ import annotations

import copy
import gc
import importlib
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from outcomes import assert_equal_outcomes

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn


def convolution(lib: Any) -> Any:
    """A layer whose parameters are whole numbers, so that sums are the same in any order."""
    layer = importlib.import_module(f"{lib.__name__}.nn").Conv2d(3, 8, 3).double()
    with lib.no_grad():
        layer.weight.copy_((lib.arange(216) % 7 - 3).reshape(8, 3, 3, 3))
        layer.bias.copy_(lib.arange(8) - 2)
    return layer


def images(lib: Any) -> Any:
    return (lib.arange(2 * 3 * 6 * 6).double() % 5 - 2).reshape(2, 3, 6, 6)


def test_a_view_is_a_copy_here():
    assert not nn.Conv2d(3, 8, 3).weight.is_contiguous()


def normalize(lib: Any, weight: Any) -> None:
    rows = weight.data.view(8, -1)
    rows.div_(rows.norm(dim=1, keepdim=True))


def each_filter(lib: Any, weight: Any) -> None:
    for kernel in weight.data:
        kernel.view(-1).mul_(2)


def under_no_grad(lib: Any, weight: Any) -> None:
    with lib.no_grad():
        weight.view(-1)[:5] = 1.0
        weight.flatten(1)[2].zero_()
        weight.view(8, 27)[3].view(3, 9)[1].fill_(7)


def from_a_list(lib: Any, weight: Any) -> None:
    weight.data.view(-1).copy_(lib.arange(weight.numel()))


def out(lib: Any, weight: Any) -> None:
    flat = weight.detach().view(-1)
    lib.exp(lib.ones_like(flat), out=flat)


def at_indices(lib: Any, weight: Any) -> None:
    flat = weight.data.reshape(-1)
    flat[lib.tensor([3, 5])] = 4.0
    flat.masked_fill_(flat < 0, 0.0)
    flat.data[0] = 9.0


@pytest.mark.parametrize(
    "write", [normalize, each_filter, under_no_grad, from_a_list, out, at_indices]
)
def test_weights_get_what_is_written(write: Callable[[Any, Any], None]):
    def program(lib):
        weight = convolution(lib).weight
        before = weight.detach().clone()
        write(lib, weight)
        assert not lib.equal(weight.detach(), before)
        return weight

    assert_equal_outcomes(program)


def test_gradients_get_what_is_written():
    def program(lib):
        layer = convolution(lib)
        layer(images(lib)).sum().backward()
        layer.weight.grad.view(-1)[1] = float("inf")
        return layer.weight.grad.isinf().sum()

    assert assert_equal_outcomes(program) == 1


@pytest.mark.parametrize("part", [slice(None), (slice(None), slice(5))])
def test_a_recorded_write_gives_the_result_a_new_history(part: Any):
    def program(lib):
        layer = convolution(lib)
        result = layer(images(lib))
        flat = result.view(2, -1)
        flat[part].mul_(layer.bias.sum())
        flat.sub_(1)
        (result.pow(2).sum() + flat.sum()).backward()
        return result, layer.weight.grad, layer.bias.grad

    assert_equal_outcomes(program)


def test_a_part_of_the_channels():
    def program(lib):
        layer = convolution(lib)
        result = layer(images(lib))
        result[:, 2:5].view(2, -1).mul_(3)
        result.pow(2).sum().backward()
        return result, layer.weight.grad

    assert_equal_outcomes(program)


def test_what_needs_the_old_numbers_raises_an_error():
    def program(lib):
        result = convolution(lib)(images(lib)).sigmoid()  # whose gradient needs the result
        flat = result.view(2, -1)
        flat.mul_(2)
        flat.sum().backward()

    assert assert_equal_outcomes(program) == "RuntimeError"


def test_a_leaf_is_not_changed_while_gradients_are_recorded():
    assert assert_equal_outcomes(lambda lib: convolution(lib).weight.view(-1).zero_()) == (
        "RuntimeError"
    )


def test_activations_in_place_behind_a_view():
    def program(lib):
        layer = convolution(lib)
        functional = importlib.import_module(f"{lib.__name__}.nn.functional")
        x = functional.max_pool2d(layer(images(lib)), 2)
        x = x.view(2, -1)
        functional.relu(x, inplace=True).sum().backward()
        return layer.weight.grad

    assert_equal_outcomes(program)


def test_a_permuted_tensor_does_not_get_what_is_written_to_its_copy():
    def program(lib):
        x = lib.ones(2, 4, 5, 3)
        x.permute(0, 3, 1, 2).reshape(2, -1).zero_()
        expanded = lib.ones(1, 3, 1, 1).expand(2, 3, 4, 4)
        expanded.reshape(2, -1).zero_()
        return x, expanded

    assert_equal_outcomes(program)


@pytest.mark.cpu_only  # CuPy's quotient of a permuted array is contiguous
def test_what_the_user_has_permuted_is_copied_by_reshape():
    def program(lib):
        x = lib.arange(48.0).reshape(1, 4, 4, 3)
        channels_first = x.permute(0, 3, 1, 2) / 7
        channels_first.reshape(1, -1).zero_()
        asked = x.permute(0, 3, 1, 2).to(memory_format=lib.channels_last)
        asked.flatten(1).zero_()
        weight = convolution(lib).weight.data
        weight.permute(2, 3, 1, 0).reshape(-1).zero_()
        weight[:, ::2].reshape(-1).zero_()
        return x, channels_first, asked, weight

    assert_equal_outcomes(program)


def test_parts_of_weights_and_copies_of_layers():
    def program(lib):
        layer = copy.deepcopy(convolution(lib))
        weight = layer.weight.data
        weight[1:3].reshape(-1).zero_()
        for kernel in weight:
            kernel.reshape(-1).mul_(2)
        weight.unflatten(0, (2, 4)).flatten()[5] = 9.0
        weight.detach().data.ravel()[6] = 8.0
        return weight

    assert_equal_outcomes(program)


def test_a_contiguous_copy_of_weights():
    def program(lib):
        weight = convolution(lib).weight
        weight.data.contiguous().view(8, -1)[1].zero_()
        weight.data[:, 1:].contiguous().zero_()  # a copy in torch, too
        return weight

    assert_equal_outcomes(program)


def test_copies_of_parts_that_do_not_overlap():
    def program(lib):
        with lib.no_grad():
            result = convolution(lib)(images(lib))
        left, right = (part.view(2, -1) for part in result.split(4, 1))
        left.clamp_(-1, 1)
        right.mul_(2)
        filters = [kernel.view(-1) for kernel in convolution(lib).weight.data]
        for kernel in filters:
            kernel.div_(4)
        return result, filters

    assert_equal_outcomes(program)


def test_copies_that_overlap():
    weight = nn.Conv2d(3, 8, 3).weight.data
    rows, flat = weight.view(8, -1), weight.view(-1)
    rows.zero_()
    with pytest.raises(RuntimeError, match="take the view again"):
        flat.add_(1)
    assert not weight.any()


def test_gradients_of_the_tensor_behind_a_changed_copy():
    def program(lib):
        layer = convolution(lib)
        result = layer(images(lib))
        result.retain_grad()
        flat = result.view(2, -1)
        flat[:, :9].mul_(3)
        flat.pow(2).sum().backward(retain_graph=True)
        first = result.grad.clone()
        second = lib.autograd.grad(flat.sum() + result.sum(), result)
        return first, second, layer.weight.grad

    assert_equal_outcomes(program)


def test_nothing_is_kept_alive():
    layer, x = nn.Conv2d(3, 8, 3), mc.ones(2, 3, 6, 6)
    gc.collect()
    gc.disable()
    try:
        for part in (slice(None), slice(1)):
            result = layer(x).contiguous(memory_format=mc.channels_last)
            array = weakref.ref(result.array)
            flat = result[part].view(-1)
            F.relu(flat, inplace=True)
            flat.sum().backward()
            del result
            with mc.no_grad():
                kept = layer(x).contiguous(memory_format=mc.channels_last)
                memory = weakref.ref(kept.array)
                flat = kept.view(2, -1)
                del kept
                assert memory() is None
                flat.mul_(2)  # nobody sees the tensor that it was copied from
            del flat
            assert array() is None
    finally:
        gc.enable()


def steps(lib: Any, layer: Any) -> None:
    for parameter in layer.parameters():
        parameter.grad = lib.ones_like(parameter)
    importlib.import_module(f"{lib.__name__}.optim").SGD(layer.parameters(), lr=1.0).step()


@pytest.mark.parametrize(
    "write",
    [
        lambda layer: layer.weight.data.zero_(),
        lambda layer: layer.weight.data.view(8, -1)[0].zero_(),
        lambda layer: steps(mc, layer),
    ],
)
def test_the_copy_does_not_follow_the_tensor(write: Callable[[Any], Any]):
    """Unlike in torch, where both are the same memory."""
    layer = nn.Conv2d(3, 8, 3)
    flat = layer.weight.data.view(-1)
    write(layer)
    written = layer.weight.detach().clone()
    with pytest.raises(RuntimeError, match=r"written to since: take the view again"):
        flat.add_(1)
    assert mc.equal(layer.weight.detach(), written)
    layer.weight.data.view(-1).add_(1)
    assert mc.equal(layer.weight.detach(), written + 1)


def test_a_detached_copy_gives_no_history():
    def program(lib):
        layer = convolution(lib)
        with lib.no_grad():
            result = layer(images(lib))
        flat = result.view(2, -1)
        detached = flat.detach()
        detached.mul_(layer.bias.sum())
        return result, result.requires_grad, detached.requires_grad

    assert_equal_outcomes(program)


def test_a_view_taken_under_no_grad_gets_no_history_later():
    def program(lib):
        layer = convolution(lib)
        result = layer(images(lib))
        with lib.no_grad():
            flat = result.view(2, -1)
        flat.mul_(layer.bias.sum())

    assert assert_equal_outcomes(program) == "RuntimeError"


def test_a_copy_of_another_shape_by_now_is_not_changed():
    result = nn.Conv2d(3, 8, 3)(mc.ones(2, 3, 6, 6))
    result = result.contiguous(memory_format=mc.channels_last)  # plain kernels choose another order
    flat = result.view(2, -1)
    flat.t_()
    with pytest.raises(RuntimeError, match="after it was given another shape"):
        flat.mul_(2)


def test_a_counted_write():
    weight = nn.Conv2d(3, 8, 3).weight
    before = weight.version.all_writes
    weight.data.view(-1)[0] = 1.0
    assert weight.version.all_writes > before  # half-precision copies are made again

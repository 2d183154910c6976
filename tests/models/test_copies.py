"""A training step hands memory on from layer to layer: what is copied in between is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import models
from minicnn.kernels import cpu

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

LARGE = 1 << 14  # bytes
BATCH = 2


class Watch:
    """Stands between operations and kernels, and notes which of their arguments were copied.

    A large argument must lie in memory that a kernel has returned, or in that of the images or of
    a parameter: any other was copied on its way. And images, activations and gradients must be
    channels-last, or the kernel itself would have to put them in order.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *known: np.ndarray) -> None:
        self.known = list(known)  # which also keeps the memory from being used again
        self.calls = 0
        self.copied: list[tuple[str, tuple[int, ...]]] = []
        self.disordered: list[tuple[str, tuple[int, ...]]] = []
        for name in cpu.__all__:
            if not name.endswith("_step"):
                monkeypatch.setattr(cpu, name, self.watched(name, getattr(cpu, name)))

    def watched(self, name: str, kernel: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            for array in large_arrays([*args, *options.values()]):
                if not self.knows(array):
                    self.copied.append((name, array.shape))
                    self.known.append(array)
                if not is_channels_last(array):
                    self.disordered.append((name, array.shape))
            results = kernel(*args, **options)
            self.known += large_arrays(results)
            return results

        return call

    def knows(self, array: np.ndarray) -> bool:
        return any(np.may_share_memory(array, other) for other in self.known)


def large_arrays(value: Any) -> list[np.ndarray]:
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in large_arrays(item)]
    return [value] if isinstance(value, np.ndarray) and value.nbytes >= LARGE else []


def is_channels_last(array: np.ndarray) -> bool:
    return array.ndim != 4 or array.transpose(0, 2, 3, 1).flags.c_contiguous


def images(size: int) -> mc.Tensor:
    return mc.randn(BATCH, size, size, 3).permute(0, 3, 1, 2)


def step(monkeypatch: pytest.MonkeyPatch, net: Any, size: int) -> Watch:
    x = images(size)
    watch = Watch(monkeypatch, x.array, *(p.array for p in net.parameters()))
    mc.nn.functional.cross_entropy(net(x), mc.zeros(BATCH, dtype=mc.int64)).backward()
    return watch


# The linear layer's weights count features as C, H, W: channels-last pixels are put in that order,
# and the gradient comes back in it.
STAGES = ((64, 16), (128, 8), (256, 4), (512, 2))  # channels and size of ResNet-18's blocks
FLATTENED = {
    "alexnet227": ([("dropout", (BATCH, 9216))], [("max_pool2d_scatter", (BATCH, 256, 6, 6))]),
    # The mean over all pixels leaves nothing to put in order. What is added up, the branches of each
    # block and the gradients of some, is new memory, but in the order of the images.
    "resnet18": (
        [("relu", (BATCH, C, S, S)) for C, S in STAGES for _ in range(2)]
        + [("relu_backward", (BATCH, C, S, S)) for C, S in reversed(STAGES)]
        + [("max_pool2d_scatter", (BATCH, 64, 16, 16))],
        [],
    ),
}


@pytest.mark.parametrize("model", FLATTENED)
def test_a_step_copies_nothing_between_layers_but_to_flatten_and_add(monkeypatch, model):
    net = models.get_model(model, num_classes=10)
    watch = step(monkeypatch, net, size=227 if model == "alexnet227" else 64)
    assert watch.calls > 20
    assert (watch.copied, watch.disordered) == FLATTENED[model]
    for name, parameter in net.named_parameters():
        assert parameter.grad.array.strides == parameter.array.strides, name
        if parameter.array.nbytes >= LARGE:
            assert watch.knows(parameter.grad.array), f"the gradient of {name} was copied"


class Copying(mc.nn.Module):
    """Returns what it is given, with new memory, perhaps in another order."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return x.clone() if self.order == "kept" else x.contiguous()


@pytest.mark.parametrize("order", ["kept", "changed"])
def test_a_copy_is_noticed(monkeypatch, order):
    net = mc.nn.Sequential(
        mc.nn.Conv2d(3, 32, 3), Copying(order), mc.nn.Conv2d(32, 16, 3), mc.nn.Flatten(2)
    )
    x = images(32)
    watch = Watch(monkeypatch, x.array, *(p.array for p in net.parameters()))
    net(x).sum().backward()
    assert ("conv2d", (BATCH, 32, 30, 30)) in watch.copied
    assert (("conv2d", (BATCH, 32, 30, 30)) in watch.disordered) == (order == "changed")

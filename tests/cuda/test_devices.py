"""A second GPU: what is computed there stays there, whichever GPU is the current one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim

pytestmark = [pytest.mark.cuda_only, pytest.mark.without_numbers]
SECOND = mc.device("cuda", 1)


@pytest.fixture(autouse=True)
def two_devices() -> None:
    if mc.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")


def images(*shape: int, dtype: Any = np.float32) -> mc.Tensor:
    numbers = np.random.default_rng(0).standard_normal(shape)
    return mc.tensor(numbers.astype(dtype), device=SECOND, requires_grad=True)


CREATED = {
    "zeros": lambda: mc.zeros(2, 3, device=SECOND),
    "ones": lambda: mc.ones(2, 3, device=SECOND),
    "empty": lambda: mc.empty(2, 3, device=SECOND),
    "full": lambda: mc.full((2, 3), 1.5, device=SECOND),
    "arange": lambda: mc.arange(5, device=SECOND),
    "linspace": lambda: mc.linspace(0, 1, 5, device=SECOND),
    "eye": lambda: mc.eye(3, device=SECOND),
    "randn": lambda: mc.randn(2, 3, device=SECOND),
    "randint": lambda: mc.randint(0, 5, (2,), device=SECOND),
    "tensor": lambda: mc.tensor([1.0, 2.0], device=SECOND),
    "from the CPU, in another dtype": lambda: mc.tensor([1.0]).to(SECOND, mc.float16),
    "from the first": lambda: mc.ones(2, 3, device="cuda:0").to(SECOND, mc.float64),
    "like": lambda: mc.zeros_like(mc.ones(2, device=SECOND)),
}


@pytest.mark.parametrize("name", CREATED)
def test_creation(name: str) -> None:
    assert CREATED[name]().device == SECOND


OPERATIONS = {
    "conv2d": lambda x: F.conv2d(x, images(6, 4, 3, 3), images(6)),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, images(4, 6, 3, 3)),
    "linear": lambda x: F.linear(x.flatten(1), images(5, 256), images(5)),
    "matmul": lambda x: x @ images(8, 3),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, padding=1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 3),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 3),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "dropout": lambda x: F.dropout(x, 0.5),
    "dropout2d": lambda x: F.dropout2d(x, 0.5),
    "relu": F.relu,
    "gelu": F.gelu,
    "elu": F.elu,
    "softmax": lambda x: F.softmax(x, 1),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "pad": lambda x: F.pad(x, (1, 1)),
    "cross_entropy": lambda x: F.cross_entropy(x.flatten(1), mc.tensor([1, 2], device=SECOND)),
    "mse_loss": lambda x: F.mse_loss(x, images(2, 4, 8, 8)),
    "clamp": lambda x: x.clamp(min=0.5),
    "where": lambda x: mc.where(x > 0, x, 0.0),
    "arithmetic": lambda x: (1 - x) * x / 2 + x**2,
    "sum": lambda x: x.sum((2, 3)),
    "max": lambda x: x.max(1),
    "var": lambda x: x.var(),
    "index": lambda x: x[:, mc.tensor([0, 2], device=SECOND)],
    "mask": lambda x: x[x.detach() > 0],
    "index_fill": lambda x: x.index_fill(1, mc.tensor([0, 2], device=SECOND), 1.0),
    "masked_scatter": lambda x: x.masked_scatter(x.detach() > 0, x * 2),
    "indices of max_pool2d": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "unravel_index": lambda x: x[mc.unravel_index(mc.arange(9, device=SECOND), x.shape)],
    "slice": lambda x: x[:, 1:3],
    "cat": lambda x: mc.cat([x, x]),
    "half": lambda x: x.to(mc.float16),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.numbers_decide] * ("mask" in name))
        for name in OPERATIONS
    ],
)
def test_operations_and_their_gradients(name: str) -> None:
    x = images(2, 4, 8, 8)
    out = OPERATIONS[name](x)
    out = out[0] if isinstance(out, tuple) else out
    assert out.device == SECOND
    (out * out).sum().backward()
    assert x.grad.device == SECOND


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.RMSprop])
def test_a_step(optimizer: type[optim.Optimizer]) -> None:
    net = nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(128, 3),
    ).to(SECOND)
    step = optimizer(net.parameters(), lr=0.01)
    for _ in range(2):
        step.zero_grad()
        loss = F.cross_entropy(net(images(2, 4, 8, 8)), mc.tensor([1, 2], device=SECOND))
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        step.step()
    tensors = [*net.parameters(), *net.buffers(), *(p.grad for p in net.parameters())]
    tensors += [value for state in step.state.values() for value in state.values()]
    assert {str(x.device) for x in tensors if isinstance(x, mc.Tensor)} == {"cuda:1"}
    assert isinstance(loss.item(), float)

"""Whole training steps of a small AlexNet on the GPU equal the CPU's, and never wait for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import philox
import pytest

import minicnn as mc
from minicnn import kernels, nn, optim
from minicnn.training import ClassificationMeter

pytestmark = pytest.mark.cuda_only

BATCHES = [
    (
        np.random.default_rng(step).standard_normal((5, 3, 67, 67)).astype(np.float32),
        np.random.default_rng(step).integers(0, 4, 5),
    )
    for step in range(2)
]
# differences of results, as a share of their norm
TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}
OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda params: optim.SGD(params, lr=0.01, momentum=0.9, weight_decay=5e-4),
    "AdamW": lambda params: optim.AdamW(params, lr=1e-3),
}


def alexnet() -> nn.Sequential:
    """AlexNet's layers with fewer channels, for images of 67 pixels."""
    return nn.Sequential(
        nn.Conv2d(3, 9, kernel_size=11, stride=4, padding=2), nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(9, 16, kernel_size=5, padding=2), nn.ReLU(inplace=True),
        nn.MaxPool2d(kernel_size=3, stride=2),
        nn.Conv2d(16, 12, kernel_size=3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(12, 12, kernel_size=3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(12, 8, kernel_size=3, padding=1), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten(),
        nn.Dropout(), nn.Linear(32, 40), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(40, 24), nn.ReLU(inplace=True), nn.Linear(24, 4),
    )  # fmt: skip


class Run:
    """A network, its optimizer and what its steps computed, on one device."""

    def __init__(self, device: str, optimizer: str, precision: str) -> None:
        mc.manual_seed(1)
        self.net = alexnet().to(device)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        self.optimizer = OPTIMIZERS[optimizer](self.net.parameters())
        self.autocast = mc.autocast(enabled=precision == "bfloat16")
        self.meter = ClassificationMeter()
        self.losses: list[mc.Tensor] = []

    def step(self, images: mc.Tensor, target: mc.Tensor) -> None:
        self.optimizer.zero_grad()
        with self.autocast:
            logits = self.net(images)
            loss = self.criterion(logits, target)
        loss.backward()
        self.optimizer.step()
        self.meter.update(loss, logits, target)
        self.losses.append(loss.detach())


def train(device: str, optimizer: str, precision: str) -> Run:
    run = Run(device, optimizer, precision)
    for images, target in BATCHES:
        run.step(mc.tensor(images, device=device), mc.tensor(target, device=device))
    return run


@pytest.fixture
def dropout_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the CPU, which draws torch's masks otherwise, draw those of a GPU."""

    def dropout(x: np.ndarray, p: float, generator: mc.Generator) -> tuple[np.ndarray, np.ndarray]:
        return philox.dropout(x, p, generator.philox())

    monkeypatch.setattr(kernels.of(np.ones(1)), "dropout", dropout)


@pytest.mark.usefixtures("dropout_as_on_a_gpu")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", TOLERANCE)
def test_two_steps_equal_the_cpus(precision: str, optimizer: str) -> None:
    """Dropout included, with the same random bits on both devices."""
    on_gpu, on_cpu = (train(device, optimizer, precision) for device in ("cuda", "cpu"))
    tolerance = TOLERANCE[precision]

    def assert_close(ours: mc.Tensor, expected: mc.Tensor, name: str) -> None:
        theirs = expected.numpy_copy()
        difference = np.linalg.norm(ours.numpy_copy() - theirs)
        assert difference <= tolerance * np.linalg.norm(theirs), name

    for number, (loss, expected) in enumerate(zip(on_gpu.losses, on_cpu.losses, strict=True)):
        assert_close(loss, expected, f"loss of step {number}")
    pairs = zip(on_gpu.net.named_parameters(), on_cpu.net.parameters(), strict=True)
    for (name, ours), theirs in pairs:
        assert ours.dtype == ours.grad.dtype == mc.float32
        assert_close(ours.grad, theirs.grad, f"gradient of {name}")
        assert_close(ours.detach(), theirs.detach(), name)
    np.testing.assert_allclose(on_gpu.meter.compute(), on_cpu.meter.compute(), rtol=tolerance)


@pytest.mark.emulated_only
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", TOLERANCE)
def test_a_step_copies_nothing_to_the_host(precision: str, optimizer: str) -> None:
    import cupy

    run = Run("cuda", optimizer, precision)
    batches = [(mc.tensor(images), mc.tensor(target)) for images, target in BATCHES]
    before = cupy.emulation.copies_to_host
    for images, target in batches:
        run.step(images, target)
    assert cupy.emulation.copies_to_host == before

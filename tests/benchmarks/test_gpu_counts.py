"""What is counted without a GPU: launches, their bytes and products, and the times for them."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim

unlaunched = [pytest.mark.unlaunched_only, pytest.mark.without_numbers]


@pytest.fixture
def roofline() -> Any:
    return importlib.import_module("gpu_roofline")


def product(roofline: Any, **changes: Any) -> Any:
    numbers = {"problem": "forward", "tile": "128x128", "splits": 1, "unit": "mma.sync"}
    numbers |= {"itemsize": 2, "multiply_adds": 5_000_000, "blocks": 264, "cache_bytes": 1_000}
    return roofline.Product(**numbers | {"block_multiply_adds": 20_000} | changes)


@pytest.fixture
def card(roofline: Any) -> Any:
    reached = {"wgmma": 8e9, "mma.sync": 4e9, "float cores": 1e9}
    return roofline.Card(2e9, 1e9, 10e9, reached, 5e6, multiprocessors=132, start=1e-3)


@pytest.mark.cpu_only
def test_the_roofline_is_the_slower_of_bytes_and_operations(roofline: Any, card: Any) -> None:
    assert roofline.roofline(roofline.Launch("relu", 4_000_000), card) == 2e-3
    few, many = (roofline.Launch("conv", size, product(roofline)) for size in (1_000, 8_000_000))
    assert roofline.roofline(few, card) == 1e-3
    assert roofline.roofline(many, card) == 4e-3
    tf32 = roofline.Launch("conv", 0, product(roofline, itemsize=4))
    assert roofline.roofline(tf32, card) == 2e-3


@pytest.mark.cpu_only
def test_the_estimate_is_of_the_launch_as_it_is(roofline: Any, card: Any) -> None:
    def of(num_bytes: int, **changes: Any) -> tuple[float, str]:
        launch = roofline.Launch("conv", num_bytes, product(roofline, **changes))
        return roofline.estimate(launch, card)

    assert roofline.estimate(roofline.Launch("relu", 4_000_000), card) == (5e-3, "memory")
    assert roofline.estimate(roofline.Launch("relu", 4_000), card)[1] == "start"
    # two blocks on each multiprocessor, and with one more block three on one of them
    assert of(0) == (2 * 2 * 132 * 20_000 / 4e9 + 1e-3, "mma.sync")
    assert of(0, blocks=265) == (2 * 3 * 132 * 20_000 / 4e9 + 1e-3, "mma.sync")
    assert of(0, unit="wgmma")[0] == 2 * 2 * 132 * 20_000 / 8e9 + 1e-3
    assert of(0, cache_bytes=50_000) == (11e-3, "L2 cache")
    assert of(0, unit="float cores", itemsize=4)[0] == 2 * 2 * 132 * 20_000 / 1e9 + 1e-3


@pytest.mark.cpu_only
def test_a_second_stream_is_hidden_behind_the_first(roofline: Any, card: Any) -> None:
    main, beside = (roofline.Launch("x", 1_000_000, beside=second) for second in (False, True))
    assert roofline.step_estimate([(main, 3)], card) == pytest.approx(3 * 2e-3)
    assert roofline.step_estimate([(main, 3), (beside, 2)], card) == pytest.approx(3 * 2e-3)
    assert roofline.step_estimate([(main, 3), (beside, 4)], card) == pytest.approx(4 * 2e-3)
    main, beside = (roofline.Launch("x", 10_000_000, beside=second) for second in (False, True))
    assert roofline.step_estimate([(main, 3), (beside, 3)], card) == pytest.approx(60e-3)


# ---- launches ----


def recorded(run: Any) -> list[Any]:
    """The launches of a second call, when all that is kept has been made."""
    gpu_launches = importlib.import_module("gpu_launches")
    run()
    return gpu_launches.record(run)


def kernels_of(launches: list[Any]) -> list[tuple[str, int]]:
    return [(launch.kernel, launch.num_bytes) for launch in launches]


class TestLaunches:
    pytestmark = unlaunched

    def test_kernels_that_cupy_makes(self) -> None:
        x, row = mc.ones(6, 5), mc.ones(5)
        assert kernels_of(recorded(lambda: x + row)) == [("cupy_add", 4 * (30 + 5 + 30))]
        assert kernels_of(recorded(lambda: x.to(mc.bfloat16))) == [("cupy_copy", (4 + 2) * 30)]

    def test_copies_and_fills(self) -> None:
        x = mc.ones(6, 5)
        found = kernels_of(recorded(lambda: (x.array.copy(), x.cpu(), mc.zeros(7))))
        expected = [("cupy_copy", 240), ("copy to the host", 120), ("fill", 28)]
        assert found == expected

    def test_a_matrix_product(self) -> None:
        x, weight = mc.ones(40, 64), mc.ones(24, 64)
        with mc.autocast(dtype=mc.bfloat16), mc.no_grad():
            (*_, launch) = recorded(lambda: F.linear(x, weight))
        assert launch.kernel == "conv_forward"
        assert launch.num_bytes == 2 * (40 * 64 + 24 * 64 + 40 * 24)
        found = launch.product
        assert (found.multiply_adds, found.itemsize) == (40 * 24 * 64, 2)
        rows, columns = map(int, found.tile.split("x"))
        tiles = -(-40 // rows) * -(-24 // columns)
        assert found.blocks == tiles * found.splits
        assert found.block_multiply_adds == rows * columns * 64 // found.splits
        assert found.cache_bytes == found.blocks * (rows + columns) * 64 // found.splits * 2

    def test_a_convolution_and_its_gradients(self) -> None:
        x = mc.ones(2, 8, 9, 9, dtype=mc.float16, requires_grad=True)
        weight = mc.ones(16, 8, 3, 3, dtype=mc.float16, requires_grad=True)
        out = F.conv2d(x, weight, stride=2)
        grad = mc.ones(*out.shape, dtype=mc.float16)

        def run() -> None:
            mc.autograd.grad(F.conv2d(x, weight, stride=2), (x, weight), grad)

        work = 2 * 4 * 4 * 16 * 8 * 9
        products = [launch for launch in recorded(run) if launch.product]
        assert {launch.kernel: launch.product.multiply_adds for launch in products} == {
            "conv_forward": work,
            "conv_input_grad": work,
            "conv_weight_grad": work,
        }

    def test_an_optimizer(self) -> None:
        weights = [mc.ones(size, requires_grad=True) for size in (1000, 24)]
        sgd = optim.SGD(weights, lr=0.1, momentum=0.9)
        for weight in weights:
            weight.grad = mc.ones(weight.numel())
        found = dict(kernels_of(recorded(sgd.step)))
        assert found["sgd_step"] == 1024 * 4 * (2 + 2 + 1)  # weights and momenta twice, gradients

    def test_a_second_stream_of_a_captured_step(self) -> None:
        second = mc.cuda.Stream()
        x = mc.ones(5)

        def step(x: mc.Tensor) -> mc.Tensor:
            second.wait_stream(mc.cuda.current_stream())
            with mc.cuda.stream(second):
                y = x * 2
            z = x + 1
            mc.cuda.current_stream().wait_stream(second)
            return y + z

        graph = mc.cuda.graph(step)
        graph(x)
        found = recorded(lambda: graph(x))
        beside = [launch.kernel for launch in found if launch.beside]
        assert beside == ["cupy_multiply"] and len(found) > 3


@pytest.mark.unlaunched_only
@pytest.mark.without_numbers
def test_a_step_its_page_and_the_comparison(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    gpu_counts = importlib.import_module("gpu_counts")
    gpu_train_step = importlib.import_module("gpu_train_step")

    def network(nn: Any) -> Any:
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2))

    monkeypatch.setattr(gpu_train_step, "our_network", lambda model: network(nn))
    monkeypatch.setattr(gpu_train_step, "their_network", lambda model: network(torch.nn))
    monkeypatch.setattr(gpu_train_step, "SIZES", {"alexnet": 8})
    out = tmp_path / "after.json"
    command = ["gpu_counts.py", "--models", "alexnet", "--batches", "2", "--json", str(out)]
    monkeypatch.setattr("sys.argv", command)
    gpu_counts.main()
    (counts,) = json.loads(out.read_text())["networks"]
    assert counts["launches"] == sum(row["launches"] for row in counts["rows"])
    assert counts["bytes"] == sum(row["bytes"] for row in counts["rows"])
    by_kernel = {row["kernel"]: row for row in counts["rows"]}
    assert by_kernel["conv_weight_grad"]["multiply_adds"] in (2 * 36 * 8 * 36, 2 * 288 * 2)
    weights = 8 * 27 + 8 + 288 * 2 + 2
    assert counts["peak_bytes"] > 4 * 3 * weights
    assert 4 * 3 * weights < counts["torch_peak_bytes"] < 2 * counts["peak_bytes"]
    page = out.with_suffix(".md").read_text()
    assert "| alexnet, 2 |" in page and "## alexnet, 2: kernels on one H100" in page
    monkeypatch.setattr("sys.argv", [*command, "--compare", str(out)])
    gpu_counts.main()
    assert "| 1.00 |" in out.with_suffix(".md").read_text().partition("Before and after")[2]

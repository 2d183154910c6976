"""bfloat16 through all operations: dtypes and results are PyTorch's, outside autocast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from operations import OPERATIONS, SHAPE
from oracle import normal

import minicnn
import minicnn.nn.functional as F
from minicnn import bfloat16, float16, float32, float64, nn

# layers with float32 weights, which need autocast; and what torch does on the CPU alone: a loss
# takes the dtype of its input, and linear layers those of the weights
LAYERS = {"addmm", "conv2d", "conv_transpose2d", "linear", "prelu"}
OWN_RULE = {"bce_with_logits"}
DTYPES = ["float16", "bfloat16", "float32", "float64", "int64"]


def dtype_of(library: Any, functional: Any, name: str, x: str, y: str) -> str:
    def make(*shape: int) -> Any:
        return library.ones(*shape)

    tensors = [(library.ones(*SHAPE) * 0.5).to(getattr(library, dtype)) for dtype in (x, y)]
    try:
        out = OPERATIONS[name](library, functional, *tensors, make)
    except (RuntimeError, NotImplementedError, TypeError):
        return "error"
    return str(out.dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - LAYERS - OWN_RULE))
def test_dtypes_are_those_of_torch(name: str) -> None:
    for x, y in ((x, y) for x in DTYPES[:4] for y in DTYPES if "bfloat16" in (x, y)):
        theirs = dtype_of(torch, TF, name, x, y)
        if theirs != "error":  # kernels that torch lacks, or refuses to mix
            assert dtype_of(minicnn, F, name, x, y) == theirs, (x, y)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - LAYERS))
def test_results_and_gradients_are_those_of_torch(name: str) -> None:
    arrays = [np.abs(normal(*SHAPE, seed=i)).astype(np.float32) % 0.9 + 0.05 for i in (1, 2)]

    def run(library: Any, functional: Any) -> list[np.ndarray]:
        def make(*shape: int) -> Any:
            return library.tensor(np.abs(normal(*shape)).astype(np.float32))

        x, y = (library.tensor(a).bfloat16() for a in arrays)
        x.requires_grad_()
        out = OPERATIONS[name](library, functional, x, y, make)
        results = [out]
        if out.requires_grad:
            results += library.autograd.grad((out.float() * make(*out.shape)).sum(), [x])
            assert results[-1].dtype == library.bfloat16
        return [r.detach().float().cpu().numpy() for r in results]

    for our, their in zip(run(minicnn, F), run(torch, TF), strict=True):
        assert our.shape == their.shape
        np.testing.assert_allclose(our, their, rtol=2e-2, atol=1e-2 * np.abs(their).max())


@pytest.mark.parametrize("number", [0.1, 3, True, -2.5, 1e-3])
def test_numbers_are_not_rounded_before_the_result(number: float) -> None:
    x = minicnn.tensor(normal(50).astype(np.float32)).bfloat16()
    for operation in (
        lambda x: x + number, lambda x: float(number) - x, lambda x: x * number, lambda x: x / number,
        lambda x: x.clamp(-3, number),
    ):  # fmt: skip
        out, exact = operation(x), operation(x.float())
        assert out.dtype == (bfloat16 if exact.is_floating_point() else minicnn.bool_)
        assert out.tolist() == exact.to(out.dtype).tolist()


def test_sums_are_not_rounded_on_the_way() -> None:
    ones = minicnn.ones(1000).bfloat16()
    assert ones.sum().item() == 1000 and ones.cumsum(0)[-1].item() == 1000
    assert ones.mean().item() == 1 and (ones * 300.0).mean().item() == 300
    x = minicnn.ones(2, dtype=bfloat16, requires_grad=True)
    index = minicnn.zeros(1000, dtype=minicnn.int64)
    x[index].sum().backward()
    assert x.grad.tolist() == [1000, 0]
    assert minicnn.scatter_add(x, 0, index, ones).tolist() == [1000, 1]  # 1001, rounded
    assert (ones * 64.0).half().sum().item() == 64000


def test_tensors() -> None:
    x = minicnn.tensor([1.5, -2.0], dtype=bfloat16, requires_grad=True)
    assert x.is_floating_point() and x.element_size() == 2 and x.tolist() == [1.5, -2.0]
    assert repr(x.detach().cpu()) == "tensor([ 1.5000, -2.0000], dtype=torch.bfloat16)"
    assert [x.half().dtype, x.float().dtype, x.double().dtype] == [float16, float32, float64]
    x.half().sum().backward()
    assert x.grad.dtype == bfloat16
    for made in minicnn.zeros(2, dtype=bfloat16), minicnn.ones_like(x), x.detach().clone().fill_(3):
        assert made.dtype == bfloat16
    assert minicnn.full((2,), 0.5, dtype=bfloat16).tolist() == [0.5, 0.5]


def test_modules() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))
    model.bfloat16()
    dtypes = {name: t.dtype for name, t in model.state_dict().items()}
    assert dtypes.pop("1.num_batches_tracked") == minicnn.int64
    assert set(dtypes.values()) == {bfloat16}
    out = model(minicnn.ones(2, 3, 5, 5, dtype=bfloat16))
    assert out.dtype == bfloat16
    out.sum().backward()
    assert {p.grad.dtype for p in model.parameters()} == {bfloat16}
    assert model.to(bfloat16).half()[0].weight.dtype == float16
    assert model.to(dtype=float32)[0].weight.dtype == float32
    with pytest.raises(TypeError, match="floating-point dtype, got int32"):
        model.to(np.dtype("int32"))


def test_checkpoints(tmp_path: Any) -> None:
    x = minicnn.randn(3, 4).bfloat16()
    minicnn.save({"x": x, "array": x.cpu().numpy()}, tmp_path / "file")
    loaded = minicnn.load(tmp_path / "file")
    assert loaded["x"].dtype == loaded["array"].dtype == bfloat16
    assert loaded["x"].tolist() == x.tolist() == loaded["array"].tolist()

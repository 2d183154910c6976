"""autocast: which dtype every operation takes and gives, against PyTorch's own autocast."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from operations import OPERATIONS, SHAPE
from oracle import normal
from torch._subclasses.fake_tensor import FakeTensorMode

import minicnn
import minicnn.nn.functional as F
from minicnn import bfloat16, float16, float32, float64
from minicnn.ops import fused

DTYPES = ["float16", "bfloat16", "float32", "float64"]
# float64 beside others: torch raises, but not for tensors without memory; and its loss takes x's dtype
NOT_FLOAT64 = {"addmm", "mm", "linear", "linear with any weights", "bce_with_logits"}


@contextlib.contextmanager
def cuda_autocast(dtype: torch.dtype) -> Iterator[None]:
    """PyTorch's autocast for CUDA, on tensors that have a shape and a dtype and no memory."""
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    torch.autocast_increment_nesting()
    try:
        yield
    finally:
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", False)


def dtype_in_torch(operation: Any, x: str, y: str, autocast: str) -> str:
    """The dtype of the result, or "error"."""
    with FakeTensorMode(), cuda_autocast(getattr(torch, autocast)):
        tensors = (torch.empty(SHAPE, dtype=getattr(torch, d), device="cuda") for d in (x, y))
        try:
            out = operation(torch, TF, *tensors, lambda *s: torch.empty(s, device="cuda"))
        except RuntimeError:
            return "error"
        return str(out.dtype).removeprefix("torch.")


def dtype_here(operation: Any, x: str, y: str, autocast: str) -> str:
    with minicnn.autocast(dtype=autocast if autocast == "float16" else bfloat16):
        tensors = (minicnn.ones(SHAPE, dtype=getattr(minicnn, d)) * 0.5 for d in (x, y))
        try:
            return operation(minicnn, F, *tensors, minicnn.ones).dtype.name
        except RuntimeError:
            return "error"


@pytest.mark.parametrize("name", OPERATIONS)
def test_dtypes_are_those_of_torch_on_cuda(name: str) -> None:
    dtypes = DTYPES[:3] if name in NOT_FLOAT64 else DTYPES
    cases = [(x, y) for x in dtypes for y in dtypes]
    for autocast in "bfloat16", "float16":
        ours = {case: dtype_here(OPERATIONS[name], *case, autocast) for case in cases}
        theirs = {case: dtype_in_torch(OPERATIONS[name], *case, autocast) for case in cases}
        assert ours == theirs


@pytest.mark.parametrize("half", [True, False], ids=["bfloat16", "float32"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_results_and_gradients_are_those_of_torch(name: str, half: bool) -> None:
    arrays = [np.abs(normal(*SHAPE, seed=i)).astype(np.float32) % 0.9 + 0.05 for i in (1, 2)]

    def run(library: Any, functional: Any, autocast: Any) -> list[np.ndarray]:
        def make(*shape: int) -> Any:
            return library.tensor(np.abs(normal(*shape)).astype(np.float32))

        x, y = (library.tensor(a) for a in arrays)
        if half:
            x, y = x.bfloat16(), y.bfloat16()
        x.requires_grad_()
        with autocast:
            out = OPERATIONS[name](library, functional, x, y, make)
        results = [out]
        if out.requires_grad:
            results += library.autograd.grad((out.float() * make(*out.shape)).sum(), [x])
        return [r.detach().float().cpu().numpy() for r in results]

    ours = run(minicnn, F, minicnn.autocast())
    theirs = run(torch, TF, torch.autocast("cpu", dtype=torch.bfloat16))
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs):
        assert our.shape == their.shape
        scale = np.abs(their).max()
        np.testing.assert_allclose(our, their, rtol=2e-2, atol=1e-2 * scale)


def test_deviations_from_torch() -> None:
    x = minicnn.rand(2, 4, 6, 6).bfloat16()
    with minicnn.autocast():
        assert F.local_response_norm(x, 3).dtype == bfloat16
        assert F.binary_cross_entropy(x, x).dtype == float32


def test_device_type_and_options_as_in_torch() -> None:
    x = minicnn.rand(3, 3)
    with minicnn.autocast(dtype=float16):
        assert (x @ x).dtype == float16
    if not minicnn.cuda.is_available():
        with pytest.warns(UserWarning, match="autocast is off"), minicnn.autocast("cuda"):
            assert (x @ x).dtype == float32
        with pytest.warns(UserWarning, match="GradScaler is off"):
            assert not minicnn.GradScaler().is_enabled()
    with minicnn.autocast(device_type="cpu"):
        assert (x @ x).dtype == bfloat16
    with pytest.raises(ValueError, match="float16 or bfloat16, got float32"):
        minicnn.autocast(dtype=float32)
    with pytest.raises(RuntimeError, match="device must be"):
        minicnn.autocast(float16)  # type: ignore[arg-type]


def test_nested_blocks_and_decorated_functions() -> None:
    x = minicnn.rand(3, 3)

    @minicnn.autocast(dtype=float16)
    def product() -> minicnn.Tensor:
        return x @ x

    assert not minicnn.is_autocast_enabled() and minicnn.get_autocast_dtype() == bfloat16
    with minicnn.autocast():
        with minicnn.autocast(enabled=False):
            assert (x @ x).dtype == float32 and not minicnn.is_autocast_enabled()
        assert product().dtype == float16 and (x @ x).dtype == bfloat16
        with pytest.raises(KeyError), minicnn.autocast(dtype=float16):
            assert minicnn.get_autocast_dtype() == float16
            raise KeyError
        assert minicnn.get_autocast_dtype() == bfloat16 and minicnn.is_autocast_enabled()
    assert (x @ x).dtype == float32


def test_every_thread_for_itself() -> None:
    seen = []
    with minicnn.autocast():
        thread = threading.Thread(target=lambda: seen.append(minicnn.is_autocast_enabled()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_float64_is_left_alone() -> None:
    x = minicnn.rand(2, 3, 5, 5, dtype=float64)
    with minicnn.autocast():
        assert F.conv2d(x, minicnn.rand(4, 3, 3, 3, dtype=float64)).dtype == float64
        assert (x @ x).dtype == x.sum().dtype == float64


@pytest.mark.parametrize("inside", [True, False])
def test_backward_runs_in_the_dtypes_of_forward(inside: bool) -> None:
    x = minicnn.rand(3, 3, requires_grad=True)
    y = minicnn.rand(3, 3, dtype=float64, requires_grad=True)
    seen: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(minicnn.autocast())
        product = x @ x
        logarithm = (product.float() * 2.0).exp()
        product.register_hook(lambda grad: seen.update(product=grad.dtype))
        logarithm.register_hook(lambda grad: seen.update(logarithm=grad.dtype))
        loss = logarithm.sum() + (y @ y).sum()
        if not inside:
            stack.close()
        loss.backward()
    assert seen == {"product": bfloat16, "logarithm": float32}
    assert x.grad.dtype == float32 and y.grad.dtype == float64


def test_weights_stay_float32_and_get_float32_gradients() -> None:
    x = minicnn.tensor(normal(4, 3, 8, 8).astype(np.float32))
    conv, linear = minicnn.nn.Conv2d(3, 5, 3), minicnn.nn.Linear(5 * 36, 7)
    with minicnn.autocast():
        features = fused.conv2d_relu(x, conv.weight, conv.bias)
        out = fused.linear_relu(features.flatten(1), linear.weight, linear.bias)
    assert features.dtype == out.dtype == bfloat16
    exact = F.linear(conv(x).relu().flatten(1), linear.weight, linear.bias).relu()
    parameters = [*conv.parameters(), *linear.parameters()]
    cotangent = minicnn.tensor(normal(4, 7, seed=3).astype(np.float32))
    ours = minicnn.autograd.grad(out, parameters, cotangent)
    wanted = minicnn.autograd.grad(exact, parameters, cotangent)
    for our, want in zip(ours, wanted):
        assert our.dtype == float32
        # as a whole: values near 0 may fall on the other side of the ReLU
        error = np.linalg.norm(our.cpu().numpy() - want.cpu().numpy())
        assert error < 0.1 * np.linalg.norm(want.cpu().numpy())
        # not merely rounded to bfloat16 and stored as float32
        assert (our.cpu().numpy() != our.bfloat16().float().cpu().numpy()).any()


@pytest.mark.parametrize("layer", ["conv2d_relu", "linear_relu"])
def test_gradients_of_gradients_in_mixed_precision(layer: str) -> None:
    shapes = {
        "conv2d_relu": [(2, 3, 6, 6), (4, 3, 3, 3), (4,)],
        "linear_relu": [(5, 8), (6, 8), (6,)],
    }
    arrays = [normal(*s, seed=i).astype(np.float32) for i, s in enumerate(shapes[layer])]

    def penalty(mixed: bool) -> list[np.ndarray]:
        x, weight, bias = (minicnn.tensor(a, requires_grad=True) for a in arrays)
        with minicnn.autocast(enabled=mixed):
            out = getattr(fused, layer)(x, weight, bias)
        grads = minicnn.autograd.grad(
            (out.float() ** 2).sum(), [x, weight, bias], create_graph=True
        )
        total = sum(((g**2).sum() for g in grads[1:]), (grads[0] ** 2).sum())
        return [g.cpu().numpy() for g in minicnn.autograd.grad(total, [x, weight, bias])]

    for mixed, exact in zip(penalty(True), penalty(False)):
        np.testing.assert_allclose(mixed, exact, rtol=0, atol=0.05 * np.abs(exact).max())


def test_dtypes_that_autocast_cannot_bring_together() -> None:
    x, weight = minicnn.rand(2, 3, 5, 5), minicnn.rand(4, 3, 3, 3).double()
    with (
        minicnn.autocast(),
        pytest.raises(RuntimeError, match="one dtype, got float32, float64"),
    ):
        F.conv2d(x, weight)


def test_mixed_dtypes_without_autocast_raise() -> None:
    x = minicnn.rand(2, 3, 5, 5).bfloat16()
    with pytest.raises(RuntimeError, match="one dtype, got bfloat16, float32"):
        F.conv2d(x, minicnn.rand(4, 3, 3, 3))
    with pytest.raises(RuntimeError, match="one dtype, got bfloat16, float32"):
        F.linear(x, minicnn.rand(4, 5))

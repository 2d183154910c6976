"""An operation of your own, from the formula to a CUDA kernel: Swish with a learned beta.

    swish(x) = x * s(beta * x)    with the sigmoid s(z) = 1 / (1 + exp(-z))

Each channel of x has its own beta. By the product and the chain rule, with s and its derivative
s' = s * (1 - s) taken at beta * x:

    d swish / d x    = s + beta * x * s'
    d swish / d beta = x * x * s'

``x * mc.sigmoid(beta * x)`` computes the same, and minicnn differentiates it by itself. As one
operation it saves only x and beta for the backward pass, and on a GPU one kernel reads x and writes
the result, in place of three that each go through memory.

From Ramachandran, Zoph and Le, "Searching for Activation Functions" (2017).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

import minicnn as mc
from minicnn import nn, optim
from minicnn.autograd import Function, gradcheck, gradgradcheck
from minicnn.devices import xp_of
from minicnn.nn import functional as F


class Swish(Function):
    """x * sigmoid(beta * x), for x (N, C, H, W) and beta (1, C, 1, 1)."""

    def forward(self, x: Any, beta: Any) -> Any:
        """Takes and returns arrays: NumPy's on the CPU, CuPy's on a GPU."""
        self.save_for_backward(x, beta)
        return swish_numpy(x, beta) if isinstance(x, np.ndarray) else swish_cuda(x, beta)

    def backward(self, grad: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor]:
        """Takes d loss / d result and returns d loss / d x and d loss / d beta, all as tensors.

        It consists of operations that minicnn can differentiate, so gradients have gradients, too.
        """
        x, beta = self.saved_tensors
        s = mc.sigmoid(beta * x)
        x_ds = x * s * (1 - s)  # x * s'
        grad_x = grad * (s + beta * x_ds)
        # a beta acts on all pixels of its channel in all images, so their gradients are added
        grad_beta = (grad * x * x_ds).sum((0, 2, 3), keepdim=True)
        return grad_x, grad_beta


def swish_numpy(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """The formula in NumPy. s(z) is written (1 + tanh(z / 2)) / 2: exp(-z) could overflow."""
    return x * (1 + np.tanh(beta * x / 2)) / 2


def swish_cuda(x: Any, beta: Any) -> Any:
    """The formula in own_operation.cu, with one thread for each number of x."""
    xp = xp_of(x)  # CuPy, which has NumPy's functions
    x = xp.ascontiguousarray(x)  # a kernel sees bare memory: numbers in the order N, C, H, W
    out = xp.empty_like(x)
    _, C, H, W = x.shape
    swish_kernel()[x.dtype](x.size, x, beta, out, C, H * W)  # x.size threads of swish<float>, say
    return out


@functools.cache
def swish_kernel() -> Any:
    """The kernel, for float32 and float64. The first launch compiles it."""
    from minicnn.kernels.cuda.runtime.module import FLOATS, CudaFile  # which imports CuPy

    file = CudaFile(Path(__file__).resolve().with_suffix(".cu"))
    return file.kernel("swish", FLOATS)


class SwishLayer(nn.Module):
    """Swish with a beta for each of ``channels``, which starts at 1 and is learned."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(mc.ones(1, channels, 1, 1))

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return Swish.apply(x, self.beta)


def check(device: str) -> None:
    """Compares gradients with finite differences, (f(x + h) - f(x - h)) / 2h; kernel with NumPy.

    In float64, because in float32 the differences would drown in rounding errors.
    """
    x = mc.randn(2, 3, 2, 2, dtype=mc.float64, device=device, requires_grad=True)
    beta = mc.rand(1, 3, 1, 1, dtype=mc.float64, device=device, requires_grad=True)
    gradcheck(Swish.apply, (x, beta))  # raises if backward is wrong
    gradgradcheck(Swish.apply, (x, beta))  # the same for the gradients' own gradients
    print("gradients: as finite differences, first and second derivatives")
    if device == "cpu":
        print("no GPU: the .cu kernel was not run")
    else:
        difference = Swish.apply(x, beta).cpu() - Swish.apply(x.cpu(), beta.cpu())
        print(f"kernel: differs from NumPy by at most {difference.abs().max().item():.1e}")


def train(device: str) -> None:
    """Trains a small network with Swish to tell vertical stripes from horizontal ones."""
    vertical = mc.randint(0, 2, (64,))  # 1 for vertical stripes, 0 for horizontal ones
    stripes = mc.arange(8) % 2  # 0, 1, 0, 1, ...
    images = mc.where(vertical.reshape(64, 1, 1, 1) == 1, stripes, stripes.reshape(8, 1))
    images = (images + 0.3 * mc.randn(64, 1, 8, 8)).to(device)
    labels = vertical.to(device)

    swish = SwishLayer(channels=8)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)]
    net = nn.Sequential(nn.Conv2d(1, 8, kernel_size=3), swish, *head).to(device)
    optimizer = optim.Adam(net.parameters(), lr=0.03)
    for step in range(1, 21):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 5 == 0:
            print(f"step {step}: loss {loss.item():.3f}")
    print("betas, 1 at the start:", *(f"{beta:.2f}" for beta in swish.beta.reshape(-1).tolist()))


if __name__ == "__main__":
    mc.manual_seed(0)
    device = "cuda" if mc.cuda.is_available() else "cpu"
    check(device)
    train(device)

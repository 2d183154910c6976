"""An operation of your own, from the formula to a CUDA kernel: Swish with a learned slope.

    swish(x) = x * s(beta * x)    where s(z) = 1 / (1 + exp(-z)), the sigmoid

Each channel of x has its own beta. The derivatives, by the product and the chain rule, with
s'(z) = s(z) * (1 - s(z)):

    by x:     s + beta * x * s'
    by beta:  x * x * s'

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
        """Takes and returns arrays: NumPy's, or CuPy's on a GPU."""
        self.save_for_backward(x, beta)
        return swish_numpy(x, beta) if isinstance(x, np.ndarray) else swish_cuda(x, beta)

    def backward(self, grad: mc.Tensor) -> tuple[mc.Tensor, mc.Tensor]:
        """From the loss's gradient by the result to those by x and beta.

        All are tensors, and operations on them are recorded, so gradients have gradients, too.
        """
        x, beta = self.saved_tensors
        s = mc.sigmoid(beta * x)
        x_slope = x * s * (1 - s)  # x * s'
        grad_x = grad * (s + beta * x_slope)
        grad_beta = grad * x * x_slope  # (N, C, H, W); all numbers of a channel share its beta
        return grad_x, grad_beta.sum((0, 2, 3), keepdim=True)


def swish_numpy(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    # s(z) = (1 + tanh(z / 2)) / 2: the same, but exp would overflow for large negative z
    return x * (1 + np.tanh(beta * x / 2)) / 2


def swish_cuda(x: Any, beta: Any) -> Any:
    xp = xp_of(x)  # CuPy, which has NumPy's functions
    x = xp.ascontiguousarray(x)  # in the order N, C, H, W, which the kernel expects
    out = xp.empty_like(x)
    _, C, H, W = x.shape
    swish_kernel()[x.dtype](x.size, x, beta, out, C, H * W)  # starts x.size threads
    return out


@functools.cache
def swish_kernel() -> Any:
    """The kernel in own_operation.cu, compiled when it is first launched."""
    from minicnn.kernels.cuda.runtime.module import FLOATS, CudaFile  # needs CuPy

    file = CudaFile(Path(__file__).resolve().with_suffix(".cu"))
    return file.kernel("swish", FLOATS)


class SwishLayer(nn.Module):
    """Swish with one beta for each of ``channels``, learned from 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(mc.ones(1, channels, 1, 1))

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return Swish.apply(x, self.beta)


def check_gradients(device: str) -> None:
    """Compares both derivatives, and theirs, with finite differences; raises if they differ."""
    x = mc.randn(2, 3, 2, 2, dtype=mc.float64, device=device, requires_grad=True)
    beta = mc.rand(1, 3, 1, 1, dtype=mc.float64, device=device, requires_grad=True)
    gradcheck(Swish.apply, (x, beta))
    gradgradcheck(Swish.apply, (x, beta))


def kernel_error() -> float:
    """The largest difference between what the kernel and NumPy compute."""
    x, beta = mc.randn(4, 3, 16, 16), mc.rand(1, 3, 1, 1)
    on_gpu = Swish.apply(x.to("cuda"), beta.to("cuda"))
    return (on_gpu.cpu() - Swish.apply(x, beta)).abs().max().item()


def train(device: str, steps: int = 40) -> tuple[list[float], nn.Module]:
    """Trains a small network to tell vertical from horizontal stripes; returns the losses, too."""
    labels = mc.randint(0, 2, (64,))
    stripes = mc.arange(8) % 2  # 0, 1, 0, 1, ...
    vertical = labels.reshape(64, 1, 1, 1) == 1
    images = mc.where(vertical, stripes, stripes.reshape(8, 1)) + 0.3 * mc.randn(64, 1, 8, 8)

    net = nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=3),
        SwishLayer(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    ).to(device)
    optimizer = optim.Adam(net.parameters(), lr=0.03)
    images, labels = images.to(device), labels.to(device)
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, net


if __name__ == "__main__":
    mc.manual_seed(0)
    device = "cuda" if mc.cuda.is_available() else "cpu"
    check_gradients(device)
    print("gradients agree with finite differences, and so do those of the gradients")
    if device == "cuda":
        print(f"the .cu kernel differs from NumPy by at most {kernel_error():.1e}")
    else:
        print("no GPU: the .cu kernel was not run")
    losses, net = train(device)
    print(f"training: loss {losses[0]:.3f} at the first step, {losses[-1]:.3f} at the last")
    print("beta, which began as 1:", net[1].beta.detach().cpu().numpy().reshape(-1).round(2))

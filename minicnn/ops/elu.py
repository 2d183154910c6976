"""Activation functions that approach a negative limit exponentially: ELU, SELU, CELU."""

from __future__ import annotations

from ..autograd import Function
from ..devices import xp_of
from ..tensor import Tensor
from ..typing import Array
from .choice import clamp, where
from .comparison import le
from .elementwise import add, exp, mul
from .in_place import change
from .leaky import check_sign
from .promotion import refuse_integers, widen, widened


class ELU(Function):
    """scale * x where x > 0, else scale * alpha * (exp(rate * x) - 1)."""

    def forward(
        self,
        x: Array,
        *,
        alpha: float,
        scale: float = 1.0,
        rate: float = 1.0,
        inplace: bool = False,
    ) -> Array:
        self.alpha, self.scale, self.rate, self.inplace = alpha * scale, scale, rate, inplace
        xp, wide = xp_of(x), widened(x)
        below = xp.expm1(xp.minimum(wide, 0) * rate) * self.alpha
        out = xp.where(x > 0, wide * scale, below).astype(x.dtype, copy=False)
        self.save_for_backward(out if inplace else x)  # both have the same signs
        return out

    def backward(self, grad: Tensor) -> Tensor:
        grad, saved = widen(grad, *self.saved_tensors)
        if self.inplace:
            slope = mul(add(saved, self.alpha), self.rate)
        else:  # clamped: no overflow where x > 0
            slope = mul(exp(mul(clamp(saved, max=0.0), self.rate)), self.alpha * self.rate)
        return where(le(saved, 0), mul(grad, slope), mul(grad, self.scale))


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha`` * (exp(input) - 1).

    Args:
        input: any shape, floating point.
        alpha: the limit for very negative values is -alpha.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.elu`` (Clevert et al., 2016).
    """
    return _elu("elu", input, inplace, alpha)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In place: :func:`elu`."""
    return elu(input, alpha, inplace=True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the two constants that keep mean 0 and variance 1 from layer to layer.

    Args:
        input: any shape, floating point.
        inplace: overwrite ``input``, and return it.

    As ``torch.nn.functional.selu`` (Klambauer et al., 2017).
    """
    return _elu("selu", input, inplace, 1.6732632423543772, scale=1.0507009873554805)


def selu_(input: Tensor) -> Tensor:
    """In place: :func:`selu`."""
    return selu(input, inplace=True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where it is positive, else ``alpha`` * (exp(input / alpha) - 1).

    Args:
        input: any shape, floating point.
        alpha: the limit for very negative values is -alpha; the slope at 0 is 1 for all.
        inplace: overwrite ``input``, and return it.

    Raises:
        RuntimeError: for an ``alpha`` of 0.

    As ``torch.nn.functional.celu`` (Barron, 2017).
    """
    if alpha == 0:
        raise RuntimeError("celu: alpha must not be 0")
    return _elu("celu", input, inplace, alpha, rate=1 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In place: :func:`celu`."""
    return celu(input, alpha, inplace=True)


def _elu(name: str, x: Tensor, inplace: bool, alpha: float, **factors: float) -> Tensor:
    refuse_integers(name, x)
    if not inplace:
        return ELU.apply(x, alpha=alpha, **factors)
    check_sign(name, "alpha", alpha, x)
    return change(x, ELU.apply, alpha=alpha, **factors, inplace=True)

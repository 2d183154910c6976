"""Probabilities and their logits: one is given, the other is computed when asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from ..autograd import enable_grad
from ..dtype import finfo
from ..nn.functional import softmax
from ..size import Size
from ..tensor import Tensor
from .distribution import Distribution

__all__ = ["HasLogits"]


def check_one(probs: Any, logits: Any) -> None:
    """Raises ValueError unless one of the two is given."""
    if (probs is None) == (logits is None):
        got = "neither" if probs is None else "both"
        raise ValueError(f"expected either probs or logits, got {got}")


class HasLogits(Distribution):
    """A distribution with ``probs`` and ``logits``, of which ``_binary`` says how they belong together."""

    _binary: ClassVar[bool]

    def __getattr__(self, name: str) -> Tensor:
        """The one that was not given, computed once."""
        given = self.__dict__
        with enable_grad():  # even if it is a draw that asks first
            if name == "logits" and "probs" in given:
                margin = float(finfo(self.probs.dtype).eps)
                probs = self.probs.clamp(min=margin, max=1 - margin)
                given[name] = probs.log() - (-probs).log1p() if self._binary else probs.log()
            elif name == "probs" and "logits" in given:
                given[name] = (
                    self.logits.sigmoid() if self._binary else softmax(self.logits, dim=-1)
                )
            else:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return given[name]

    @property
    def _given(self) -> Tensor:
        return self.__dict__["probs" if "probs" in self.__dict__ else "logits"]

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._given.shape

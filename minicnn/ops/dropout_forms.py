"""Dropout as ``torch.dropout(input, p, train)``, and in place as ``torch.dropout_``."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor
from . import dropout as forms


def _form(function: Callable[..., Tensor], name: str, inplace: bool) -> Callable[..., Tensor]:
    def operation(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, inplace)

    operation.__name__ = name
    operation.__doc__ = function.__doc__
    return operation


def _both(function: Callable[..., Tensor], name: str) -> list[Callable[..., Tensor]]:
    return [_form(function, name, False), _form(function, f"{name}_", True)]


dropout, dropout_ = _both(forms.dropout, "dropout")
feature_dropout, feature_dropout_ = _both(forms.feature_dropout, "feature_dropout")
alpha_dropout, alpha_dropout_ = _both(forms.alpha_dropout, "alpha_dropout")
feature_alpha_dropout, feature_alpha_dropout_ = _both(
    forms.feature_alpha_dropout, "feature_alpha_dropout"
)

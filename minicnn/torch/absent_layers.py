"""Layers that torch has and minicnn has not.

Scripts ask whether a module is one of them, ``isinstance(m, (nn.Conv2d, nn.Conv3d))``, and libraries
keep a function for each kind. No module is one: a program learns what is missing when it makes one.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..nn.module import Module
from .missing import explain

_NAMES = (
    "AdaptiveAvgPool3d AdaptiveMaxPool3d AvgPool3d BatchNorm3d Conv3d ConvTranspose3d "
    "FractionalMaxPool3d GRU GRUCell InstanceNorm3d LPPool3d LSTM LSTMCell MaxPool3d MaxUnpool3d "
    "PackedSequence RNN RNNBase RNNCell RNNCellBase"
)
__all__ = list(_NAMES.split())


class AbsentLayer(Module):
    """The base class of all of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        kind = next(kind for kind in type(self).__mro__ if kind.__name__ in __all__)
        raise NotImplementedError(explain(f"torch.nn.{kind.__name__}", ()))


globals().update({name: type(name, (AbsentLayer,), {"__module__": __name__}) for name in __all__})

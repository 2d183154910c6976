"""Layers that take the number of their input's channels or features from the first input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..creation import empty
from ..random import fork_rng
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .linear import Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, InstanceNorm1d, InstanceNorm2d
from .parameter import Parameter

if TYPE_CHECKING:
    from typing import Self

    from ..tensor import Tensor

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyLinear",
    "UninitializedParameter",
]


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known yet. As ``torch.nn.UninitializedParameter``."""

    def __new__(cls, requires_grad: bool = True) -> Self:
        return cls.of(empty(0).array, requires_grad)

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class _Lazy(Module):
    """A layer that turns into one of another class in its first call, or when numbers are loaded.

    Optimizers may be given its parameters before: they stay the same objects. As torch's lazy
    layers, which turn in their first call after loading.
    """

    becomes: ClassVar[type[Module]]
    axis: ClassVar[int]  # of the input, which the layer needs the length of
    weight_axis: ClassVar[int] = 0  # of the weight, with the same length, or that of one group

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, *args, **kwargs)  # type: ignore[call-arg]
        self._given = args, kwargs
        for name, param in self._parameters.items():
            if param is not None:
                self._parameters[name] = UninitializedParameter()
        self._first_call = self.register_forward_pre_hook(_Lazy._become_for)
        self._loading = self.register_load_state_dict_pre_hook(_Lazy._become_as_loaded)

    def reset_parameters(self) -> None:
        """Do nothing: there are no numbers yet."""

    def _become_for(self, inputs: tuple[Tensor, ...]) -> None:
        self._become(inputs[0].array.shape[self.axis])

    def _become_as_loaded(self, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
        for name in ("weight", "running_mean"):
            if f"{prefix}{name}" in state:
                groups = getattr(self, "groups", 1) if self.weight_axis == 1 else 1
                with fork_rng():  # loading draws nothing
                    self._become(state[f"{prefix}{name}"].shape[self.weight_axis] * groups)
                return

    def _become(self, length: int) -> None:
        args, kwargs = self._given
        layer = self.becomes(length, *args, **kwargs)  # type: ignore[call-arg]
        self._first_call.remove()
        self._loading.remove()
        del self._first_call, self._loading, self._given
        for name, param in self._parameters.items():
            if param is not None:
                param.array = layer._parameters[name].array
                param.__class__ = Parameter
        self._buffers.update(layer._buffers)
        kept = ("training", "_parameters", "_buffers", "_modules")
        for name, value in vars(layer).items():
            if name not in kept and not name.endswith("_hooks"):
                self.__dict__[name] = value
        self.__class__ = self.becomes  # type: ignore[assignment]


class LazyLinear(_Lazy, Linear):
    """``Linear`` without ``in_features``. As ``torch.nn.LazyLinear``."""

    becomes, axis, weight_axis = Linear, -1, 1


class LazyConv2d(_Lazy, Conv2d):
    """``Conv2d`` without ``in_channels``. As ``torch.nn.LazyConv2d``."""

    becomes, axis, weight_axis = Conv2d, -3, 1


class LazyBatchNorm1d(_Lazy, BatchNorm1d):
    """``BatchNorm1d`` without ``num_features``. As ``torch.nn.LazyBatchNorm1d``."""

    becomes, axis = BatchNorm1d, 1


class LazyBatchNorm2d(_Lazy, BatchNorm2d):
    """``BatchNorm2d`` without ``num_features``. As ``torch.nn.LazyBatchNorm2d``."""

    becomes, axis = BatchNorm2d, 1


class LazyConv1d(_Lazy, Conv1d):
    """``Conv1d`` without ``in_channels``. As ``torch.nn.LazyConv1d``."""

    becomes, axis, weight_axis = Conv1d, -2, 1


class LazyConvTranspose1d(_Lazy, ConvTranspose1d):
    """``ConvTranspose1d`` without ``in_channels``. As ``torch.nn.LazyConvTranspose1d``."""

    becomes, axis = ConvTranspose1d, -2


class LazyConvTranspose2d(_Lazy, ConvTranspose2d):
    """``ConvTranspose2d`` without ``in_channels``. As ``torch.nn.LazyConvTranspose2d``."""

    becomes, axis = ConvTranspose2d, -3


class LazyInstanceNorm1d(_Lazy, InstanceNorm1d):
    """``InstanceNorm1d`` without ``num_features``. As ``torch.nn.LazyInstanceNorm1d``."""

    becomes, axis = InstanceNorm1d, -2


class LazyInstanceNorm2d(_Lazy, InstanceNorm2d):
    """``InstanceNorm2d`` without ``num_features``. As ``torch.nn.LazyInstanceNorm2d``."""

    becomes, axis = InstanceNorm2d, -3

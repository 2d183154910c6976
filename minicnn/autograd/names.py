"""What torch calls the nodes of the graph: ``<AddBackward0>``, ``<ConvolutionBackward0>``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..no_tensor import refuse

if TYPE_CHECKING:
    from .function import Function

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

# Where torch's name is not the class's own with "Backward0".
_NAMES = {
    "AdaptiveAvgPool2d": "AdaptiveAvgPool2DBackward0",
    "AdaptiveMaxPool2d": "AdaptiveMaxPool2DBackward0",
    "AddMultiple": "AddBackward0",
    "AvgPool2d": "AvgPool2DBackward0",
    "BatchNorm": "NativeBatchNormBackward0",
    "BatchNormReLU": "ReluBackward0",
    "ChainedConv2d": "ConvolutionBackward0",
    "ChainedMaxPool2dReLU": "MaxPool2DWithIndicesBackward0",
    "ChannelAffine": "NativeBatchNormBackward0",
    "ChannelAffineReLU": "ReluBackward0",
    "Conv2d": "ConvolutionBackward0",
    "Conv2dInputGrad": "ConvolutionBackward0",
    "Conv2dReLU": "ReluBackward0",
    "Copy": "CopyBackwards",
    "CopySlices": "CopySlices",
    "DivRounded": "DivBackward1",
    "CTC": "CtcLossBackward0",
    "Dropout": "MulBackward0",
    "ELU": "EluBackward0",
    "Fold": "Col2ImBackward0",
    "GELU": "GeluBackward0",
    "GELUTanh": "GeluBackward0",
    "GetItem": "IndexBackward0",
    "HalfImages": "ToCopyBackward0",
    "IndexPut": "IndexPutBackward0",
    "LeakyReLU": "LeakyReluBackward0",
    "Linear": "AddmmBackward0",
    "LinearReLU": "ReluBackward0",
    "LocalResponseNorm": "DivBackward0",
    "LogSumExp": "LogsumexpBackward0",
    "LogSigmoid": "LogSigmoidBackward0",
    "MatMul": "MmBackward0",
    "MaxAlong": "MaxBackward0",
    "MaxPool2d": "MaxPool2DWithIndicesBackward0",
    "MaxPool2dReLU": "MaxPool2DWithIndicesBackward0",
    "Norm": "LinalgVectorNormBackward0",
    "NuclearNorm": "LinalgMatrixNormBackward0",
    "Pad": "ConstantPadNdBackward0",
    "PickRows": "EmbeddingBackward0",
    "PReLU": "PreluKernelBackward0",
    "ReLU": "ReluBackward0",
    "ResizeBilinear": "UpsampleBilinear2DBackward0",
    "ResizeNearest": "UpsampleNearest2DBackward0",
    "Reshape": "ViewBackward0",
    "RoundDecimals": "RoundBackward1",
    "SiLU": "SiluBackward0",
    "SoftmaxCrossEntropy": "NllLossBackward0",
    "To": "ToCopyBackward0",
    "Unfold": "Im2ColBackward0",
}


def _of_reshape(node: Any) -> str:
    before, (after, _) = node.shape, node._outputs[0]
    if len(after) > len(before) and _without_ones(after) == _without_ones(before):
        return "UnsqueezeBackward0"
    if len(after) < len(before) and _without_ones(after) == _without_ones(before):
        return "SqueezeBackward1"
    return "ViewBackward0"


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [n for n in shape if n != 1]


def _of_permute(node: Any) -> str:
    moved = sum(d != place for place, d in enumerate(node.dims))
    return "TransposeBackward0" if moved == 2 else "PermuteBackward0"


def _of_sum(node: Any) -> str:
    return f"SumBackward{int(len(node.dims) < len(node.shape))}"


def _of_getitem(node: Any) -> str:
    """torch takes one key after the other, whole dimensions excepted; the last gives the name."""
    names: list[str] = []
    for step in node.index:
        keys = [key for key in step if key is not Ellipsis]
        names += [
            _KEYS.get(type(key), "IndexBackward0")
            for key in keys
            if len(keys) == 1 or not (type(key) is slice and key == slice(None))
        ]
    if "IndexBackward0" in names:
        return "IndexBackward0"
    return names[-1] if names else "AliasBackward0"


_KEYS = {int: "SelectBackward0", slice: "SliceBackward0", type(None): "UnsqueezeBackward0"}


def _of_to(node: Any) -> str:
    return "CloneBackward0" if node.source[1] == node._outputs[0][1] else "ToCopyBackward0"


# One class of minicnn does the work of several operations of torch.
_BY_USE: dict[str, Callable[[Any], str]] = {
    "GetItem": _of_getitem,
    "Permute": _of_permute,
    "Reshape": _of_reshape,
    "Sum": _of_sum,
    "To": _of_to,
    "Var": lambda node: "StdBackward0" if node.root else "VarBackward0",
}


def name_of(node: Function) -> str:
    """torch's name of a node; ``MyFunctionBackward`` for a class outside minicnn, as in torch."""
    cls = type(node)
    if hasattr(node, "called"):
        return node.called
    if cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
        return f"{cls.__name__}Backward"
    name = _NAMES.get(cls.__name__) or f"{cls.__name__.lstrip('_')}Backward0"
    try:
        return _BY_USE[cls.__name__](node) if cls.__name__ in _BY_USE else name
    except AttributeError:  # after backward has freed what the node kept
        return name


def call(out: T, name: str) -> T:
    """``out``, the result of an operation made of others, whose last node torch calls ``name``."""
    node = out._grad_fn  # type: ignore[attr-defined]
    if node is not None:
        node.called = name
    return out


def called(name: str) -> Callable[[F], F]:
    """Decorates an operation made of others: torch calls its last node ``name``."""

    def decorate(operation: F) -> F:
        @functools.wraps(operation)
        def named(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(operation(*args, **kwargs), name)
            except (AttributeError, TypeError) as error:
                refuse(operation.__name__, error, args, kwargs)
                raise

        return named  # type: ignore[return-value]

    return decorate

"""One function, several kernels: which one is called depends on the kind of the input."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from PIL import Image as pil

from ....tensor import Tensor
from ....tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video, wrap
from ....tv_tensors.base import plain

__all__ = [
    "functional",
    "functional_of",
    "kernel",
    "kernel_named",
    "kernel_names",
    "kernel_of",
    "register_kernel",
]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

_BUILT_IN = (BoundingBoxes, Image, KeyPoints, Mask, Video)
_KERNELS: dict[Callable[..., Any], dict[type, Callable[..., Any]]] = {}


def functional_of(*kinds: type) -> Callable[[AnyFunction], AnyFunction]:
    """Makes a functional of a kernel that is for inputs of several kinds.

    The functional calls the kernel that belongs to the class of its first argument, or to the
    nearest base class: this one, or one that :func:`kernel` or :func:`register_kernel` adds.

    Args:
        kinds: classes. A kernel is given a :class:`TVTensor` as a plain tensor, and the tensors that
            it returns become of the input's class.

    Raises:
        TypeError: when called with an input of another kind.
    """

    def decorate(implementation: AnyFunction) -> AnyFunction:
        @functools.wraps(implementation)
        def dispatch(inpt: Any, *args: Any, **kwargs: Any) -> Any:
            chosen = kernel_of(dispatch, type(inpt))
            if chosen is None:
                raise TypeError(
                    f"{dispatch.__name__} expects one of {_names(_KERNELS[dispatch])}, "
                    f"got {type(inpt).__name__}"
                )
            return chosen(inpt, *args, **kwargs)

        _KERNELS[dispatch] = {}
        kernel(dispatch, *kinds)(implementation)
        return dispatch  # type: ignore[return-value]

    return decorate


functional = functional_of(pil.Image, Tensor, Image, Video)


def kernel(functional: Callable[..., Any], *kinds: type) -> Callable[[AnyFunction], AnyFunction]:
    """Adds a kernel for inputs of more kinds to a functional.

    It is given boxes and points as they are, as it needs their ``canvas_size``, and returns boxes or
    points. All others are plain tensors, as in :func:`functional_of`.
    """

    def decorate(implementation: AnyFunction) -> AnyFunction:
        for kind in kinds:
            keeps = issubclass(kind, TVTensor) and kind not in (BoundingBoxes, KeyPoints)
            _KERNELS[functional][kind] = _with_kind(implementation) if keeps else implementation
        return implementation

    return decorate


def _with_kind(implementation: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel of plain tensors for tensors of a kind, which the results are of, too."""

    def run(inpt: TVTensor, *args: Any, **kwargs: Any) -> Any:
        out = implementation(plain(inpt), *args, **kwargs)
        if isinstance(out, Tensor):
            return wrap(out, like=inpt)
        return tuple(wrap(part, like=inpt) for part in out) if isinstance(out, tuple) else out

    return run


def kernel_of(functional: Callable[..., Any], kind: type) -> Callable[..., Any] | None:
    """The kernel of a functional for inputs of a class; None if there is none."""
    kernels = _KERNELS[functional]
    for base in kind.__mro__:
        if base in kernels:
            return kernels[base]
        if base is TVTensor:  # no plain tensors, whatever they are
            return None
    return None


def kernel_named(name: str) -> Callable[..., Any] | None:
    """The kernel of a name such as ``"resize_image"``; None if there is none.

    These kernels take plain tensors of an image, a video or a mask. torchvision's kernels for boxes
    and points, which take format and canvas size as arguments, have no counterpart.
    """
    base, _, kind = name.rpartition("_")
    return _KERNELS.get(_functional_named(base), {}).get(_NAMED_KINDS.get(kind, object))


def kernel_names() -> list[str]:
    """The names that :func:`kernel_named` knows."""
    names = [name for name in vars(sys.modules[__package__]) if _functional_named(name)]
    candidates = [f"{name}_{kind}" for name in names for kind in _NAMED_KINDS]
    return [name for name in candidates if kernel_named(name) is not None]


_NAMED_KINDS = {"image": Tensor, "video": Video, "mask": Mask}


def _functional_named(name: str) -> Any:
    found = vars(sys.modules[__package__]).get(name)
    return found if callable(found) and found in _KERNELS else None


def register_kernel(
    functional: Callable[..., Any] | str, tv_tensor_cls: type
) -> Callable[[AnyFunction], AnyFunction]:
    """A decorator that gives a functional a kernel for tensors of a class of your own.

    Args:
        functional: a function of :mod:`minicnn.transforms.v2.functional`, or its name.
        tv_tensor_cls: a subclass of :class:`~minicnn.tv_tensors.TVTensor`. The kernel is given its
            instances as they are.

    Raises:
        ValueError: for another function or class, or if there is such a kernel already.

    As ``torchvision.transforms.v2.functional.register_kernel``.
    """
    chosen: Any = _functional_named(functional) if isinstance(functional, str) else functional
    if chosen not in _KERNELS:
        raise ValueError(
            f"functional must be a function of transforms.v2.functional, got {functional!r}"
        )
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, TVTensor)):
        raise ValueError(  # noqa: TRY004  as torchvision
            f"tv_tensor_cls must be a subclass of TVTensor, got {tv_tensor_cls}"
        )
    if tv_tensor_cls in _BUILT_IN:
        raise ValueError(f"the kernels of {tv_tensor_cls.__name__} cannot be replaced")
    if tv_tensor_cls in _KERNELS[chosen]:
        raise ValueError(f"{chosen.__name__} has a kernel for {tv_tensor_cls.__name__} already")

    def decorate(implementation: AnyFunction) -> AnyFunction:
        _KERNELS[chosen][tv_tensor_cls] = implementation
        return implementation

    return decorate


def _names(kinds: Iterable[type]) -> str:
    return ", ".join(f"{kind.__module__}.{kind.__name__}" for kind in kinds)

"""Networks by name, and their published weights as enums."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar, cast

from .. import nn
from ..io.download import download
from ..io.weights import load_weights
from ..tensor import Tensor
from ._old_arguments import accept_old_arguments

__all__ = [
    "PUBLISHED",
    "Weights",
    "WeightsEnum",
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
    "register",
]


@dataclass
class Weights:
    """One file of published weights.

    Attributes:
        url: address of the file; the file's name ends in the first 8 digits of its SHA-256.
        transforms: called without arguments, returns what turns a picture into the network's input.
        meta: ``num_params``, ``min_size`` (the smallest H and W), ``categories`` (the names of the
            classes, or None), ``recipe`` (a page that says how they were trained), ``license`` (a page,
            where it is not torchvision's), ``_metrics`` (published results in per cent, by data set),
            ``_ops`` (billions of multiplications for an image) and ``_file_size`` (MiB).

    As ``torchvision.models.Weights``, whose ``meta`` also has a text, ``_docs``.
    """

    url: str
    # Not compared: copies of an enum's members are found by their values.
    transforms: Callable[..., Callable[[Any], Tensor]] = field(compare=False)
    meta: dict[str, Any] = field(compare=False)


class WeightsEnum(Enum):
    """The published weights of one network; ``DEFAULT`` are the best of them.

    As ``torchvision.models.WeightsEnum``.
    """

    @property
    def url(self) -> str:
        """Address of the file."""
        return cast(Weights, self.value).url

    @property
    def transforms(self) -> Callable[..., Callable[[Any], Tensor]]:
        """Called without arguments, returns what turns a picture into the network's input."""
        return cast(Weights, self.value).transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of the weights, see :class:`Weights`."""
        return cast(Weights, self.value).meta

    def get_state_dict(
        self, *, progress: bool = True, check_hash: bool = True
    ) -> Mapping[str, Tensor]:
        """The weights by name, downloaded if they are in no cache.

        ``check_hash`` is accepted as in torchvision; a download is always checked.
        """
        return load_weights(download(self.url, progress=progress))

    @classmethod
    def verify(cls, obj: WeightsEnum | str | None) -> WeightsEnum | None:
        """The member of this enum that ``obj`` is or names; None for None.

        Raises:
            KeyError: for a name that the enum does not have.
            TypeError: for anything else, such as the weights of another network.
        """
        if obj is None or isinstance(obj, cls):
            return obj
        if not isinstance(obj, str):
            raise TypeError(f"expected a member of {cls.__name__}, got {obj!r}")
        return cls[obj.removeprefix(f"{cls.__name__}.")]

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


Builder = TypeVar("Builder", bound=Callable[..., nn.Module])

_BUILDERS: dict[str, Callable[..., nn.Module]] = {}
PUBLISHED: dict[str, type[WeightsEnum]] = {}  # by the name of the network


def register(
    weights: type[WeightsEnum] | None = None, weights_backbone: type[WeightsEnum] | None = None
) -> Callable[[Builder], Builder]:
    """Decorates the builder of a network, which :func:`get_model` then finds by its name.

    The builder takes torchvision's old arguments, too: see :func:`accept_old_arguments`.

    Args:
        weights: the network's published weights, if there are any.
        weights_backbone: those of its backbone.
    """

    def decorate(builder: Builder) -> Builder:
        # What ``pretrained=True`` has always meant: the first weights that were published.
        first = {
            name: next(iter(enum)) if enum else None
            for name, enum in (("weights", weights), ("weights_backbone", weights_backbone))
        }
        accepting = accept_old_arguments(builder, WeightsEnum, first)
        _BUILDERS[builder.__name__] = accepting
        if weights is not None:
            PUBLISHED[builder.__name__] = weights
        return accepting

    return decorate


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names that :func:`get_model` knows, sorted.

    Args:
        module: only the networks of this package, such as ``models.segmentation``.
        include, exclude: only names that match one of the first patterns and none of the second,
            such as ``"resnet*"``.
    """
    names = [
        name
        for name, builder in _BUILDERS.items()
        if module is None or _package(builder) == module.__name__.partition(".")[2]
    ]
    if include:
        names = [name for name in names if _matches(name, include)]
    if exclude:
        names = [name for name in names if not _matches(name, exclude)]
    return sorted(names)


def _package(builder: Callable[..., nn.Module]) -> str:
    """``"models"`` or ``"models.segmentation"``: PyTorch scripts know them by another first name."""
    return builder.__module__.rpartition(".")[0].partition(".")[2]


def _matches(name: str, patterns: Iterable[str] | str) -> bool:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The builder of a network by name.

    Args:
        name: one of :func:`list_models`, in upper or lower case.

    Raises:
        ValueError: for an unknown name.
    """
    if name.lower() not in _BUILDERS:
        close = _close(name.lower(), list_models())
        raise ValueError(f"model must be one of models.list_models(), got {name!r}{close}")
    return _BUILDERS[name.lower()]


def _close(name: str, known: list[str]) -> str:
    """The end of an error: known names that are like one that is not."""
    close = ", ".join(difflib.get_close_matches(name, known, n=5))
    return f"; close are {close}" if close else ""


def get_model(name: str, **config: Any) -> nn.Module:
    """A network by name, such as ``get_model("resnet34", num_classes=2)``.

    Args:
        name: one of :func:`list_models`, in upper or lower case.
        config: the options of its builder; all builders take ``weights``.

    Raises:
        ValueError: for an unknown name.

    As ``torchvision.models.get_model``.
    """
    return get_model_builder(name)(**config)


def get_model_weights(name: str | Callable[..., nn.Module]) -> type[WeightsEnum]:
    """The enum of a network's published weights, such as ``ResNet18_Weights``.

    Args:
        name: the network's name or its builder.

    Raises:
        ValueError: for an unknown name, and for a network without published weights.
    """
    builder = get_model_builder(name) if isinstance(name, str) else name
    if builder.__name__ not in PUBLISHED:
        raise ValueError(f"there are no published weights of {builder.__name__}")
    return PUBLISHED[builder.__name__]


def get_weight(name: str) -> WeightsEnum:
    """Published weights by their full name, such as ``"ResNet50_Weights.IMAGENET1K_V1"``.

    Raises:
        ValueError: for another form of name or an unknown enum.
        KeyError: for a name that the enum does not have.
    """
    enum_name, dot, member = name.partition(".")
    if not dot or "." in member:
        raise ValueError(f"the name of weights is like ResNet50_Weights.DEFAULT, got {name!r}")
    for enum in PUBLISHED.values():
        if enum.__name__ == enum_name:
            return enum[member]
    close = _close(enum_name, [enum.__name__ for enum in PUBLISHED.values()])
    raise ValueError(f"weights must be of a published network, got {name!r}{close}")

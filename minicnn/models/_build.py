"""Builds a network with weights: published ones by name, a file, or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from .. import nn
from ..io.weights import load_weights
from ..nn import init as nn_init
from ..tensor import Tensor
from ._api import PUBLISHED, WeightsEnum

__all__ = ["WeightsLike", "build", "load_state"]

Net = TypeVar("Net", bound=nn.Module)

# What the builders accept: published weights or their name, a file, or None for a new network.
WeightsLike: TypeAlias = WeightsEnum | str | os.PathLike[str] | None


def load_state(
    model: str, weights: WeightsEnum | str | os.PathLike[str], progress: bool = True
) -> Mapping[str, Tensor]:
    """The state_dict of ``weights``: published ones of a network or their name, or a file."""
    source = _resolve(model, weights)
    if isinstance(source, WeightsEnum):
        return source.get_state_dict(progress=progress)
    return load_weights(source)


def build(
    model: str,
    make: Callable[..., Net],
    weights: WeightsLike,
    progress: bool,
    options: dict[str, Any],
    options_of: Callable[[Mapping[str, Tensor]], Mapping[str, Any]] | None = None,
) -> Net:
    """A network, with ``weights`` if they are given.

    Args:
        model: its name in :data:`~minicnn.models._api.PUBLISHED`.
        make: its constructor, which takes ``options``.
        weights: None, a file, or published weights or their name.
        progress: whether to show a bar while downloading.
        options: the user's options.
        options_of: returns further options, which depend on the weights in the file.

    Raises:
        ValueError: for unknown weights, and for a ``num_classes`` that differs from theirs.
        TypeError: for weights of another network.
    """
    if weights is None:
        return make(**options)
    source = _resolve(model, weights)
    if isinstance(source, WeightsEnum) and source.meta["categories"] is not None:
        classes = len(source.meta["categories"])
        asked = options.setdefault("num_classes", classes)
        if asked != classes:
            raise ValueError(
                f"the weights {source.name} of {model} have {classes} classes, got num_classes="
                f"{asked}: build it with {classes} and call models.replace_head(net, {asked})"
            )
    state = load_state(model, source, progress)
    with nn_init.no_init():  # all of its weights come from the file
        net = make(**options, **(options_of(state) if options_of else {}))
    net.load_state_dict(state)
    return net


def _resolve(model: str, weights: WeightsEnum | str | os.PathLike[str]) -> WeightsEnum | Path:
    """Published weights, or the path of a file."""
    published = PUBLISHED.get(model)
    if isinstance(weights, WeightsEnum):
        if published is None or not isinstance(weights, published):
            own = "none" if published is None else published.__name__
            raise TypeError(f"{model} takes weights of {own}, got {weights!r}")
        return weights
    if isinstance(weights, os.PathLike):
        return Path(weights)
    names = {} if published is None else published.__members__
    name = weights.removeprefix(f"{published.__name__}.") if published else weights
    if name in names:
        return names[name]
    if "." in weights or os.sep in weights or os.path.exists(weights):
        return Path(weights)
    known = ", ".join(names) or "none; give a file instead"
    raise ValueError(f"{model} has no weights {weights!r}; it has: {known}")

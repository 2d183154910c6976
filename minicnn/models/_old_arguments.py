"""Builders of networks with torchvision's arguments from before 0.13, and its warnings about them.

Weights were a flag then, ``resnet18(pretrained=True)``, and came first: ``resnet18(True)``.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from ..warn import warn

__all__ = ["accept_old_arguments"]

Builder = TypeVar("Builder", bound=Callable[..., Any])

_OLD_NAMES = {"weights": "pretrained", "weights_backbone": "pretrained_backbone"}
_SINCE = "is deprecated since 0.13 and may be removed in the future"


def accept_old_arguments(
    builder: Builder, weights_type: type[Enum], first: Mapping[str, Enum | None]
) -> Builder:
    """``builder``, which then takes positional arguments and flags instead of weights as well.

    Args:
        builder: a function of keywords only.
        weights_type: the type of weights, which are no flags.
        first: what a flag that is true stands for, by the name of the argument that takes weights.
    """
    parameters = inspect.signature(builder).parameters.values()
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]

    @functools.wraps(builder)
    def build(*args: Any, **options: Any) -> Any:
        if args:
            options |= _named(args, names, builder.__name__)
        for name in _OLD_NAMES:
            if name in names:
                _replace_flag(options, name, weights_type, first[name], builder.__name__)
        return builder(**options)

    return cast(Builder, build)


def _named(args: tuple[Any, ...], names: list[str], model: str) -> dict[str, Any]:
    """Positional arguments by name."""
    if len(args) > len(names):
        raise TypeError(f"{model} takes at most {len(names)} positional arguments, got {len(args)}")
    named = dict(zip(names, args, strict=False))
    *others, last = map(repr, named)
    listed = f"{', '.join(others)}{',' * (len(others) > 1)} and {last}" if others else last
    warn(
        f"Using {listed} as positional parameter(s) {_SINCE}. Please use keyword parameter(s) "
        "instead."
    )
    return named


def _replace_flag(
    options: dict[str, Any], name: str, weights_type: type[Enum], first: Enum | None, model: str
) -> None:
    """Puts weights or None in place of a flag, under the old name or the new one."""
    old_name = _OLD_NAMES[name]
    if name in options:
        given = options[name]
        named = isinstance(given, (str, os.PathLike)) and given != "legacy"
        if named or given is None or isinstance(given, weights_type):
            return
        flag = options.pop(name)
    elif old_name in options:
        flag = options.pop(old_name)
        warn(f"The parameter {old_name!r} {_SINCE}, please use {name!r} instead.")
    else:
        return
    if flag and first is None:
        raise ValueError(f"No weights available for model {model}")
    options[name] = first if flag else None
    advice = (
        f" You can also use `{name}={type(first).__name__}.DEFAULT` to get the most up-to-date "
        "weights."
    )
    warn(
        f"Arguments other than a weight enum or `None` for {name!r} are deprecated since 0.13 and "
        f"may be removed in the future. The current behavior is equivalent to passing "
        f"`{name}={options[name]}`.{advice if flag else ''}"
    )

"""What was given in place of a tensor is named in a TypeError.

Nothing is checked before an operation runs, as that would slow small ones down: what is no tensor
lacks an attribute of tensors, and the AttributeError tells what it was.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])


def takes_tensors(operation: F) -> F:
    """Lets an operation :func:`refuse` what is no tensor, if no other decorator of it does so."""

    @functools.wraps(operation)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return operation(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            refuse(operation.__name__, error, args, kwargs)
            raise

    return call  # type: ignore[return-value]


def refuse(
    name: str, error: Exception, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None
) -> None:
    """Does nothing about an error that has another reason than an argument that is no tensor.

    Args:
        name: of the function or layer that was called.
        error: that it ended with.
        args, kwargs: that it was given.

    Raises:
        TypeError: if an argument, or an item of one, lacks an attribute of tensors that minicnn
            looked for; it replaces the one of an operation further inside.
    """
    lack = error.__cause__ if isinstance(error, TypeError) else error
    if not isinstance(lack, AttributeError):
        return
    given = lack.obj
    if _is_among(given, (*args, *(kwargs or {}).values())) and _looked_for_a_tensor(lack):
        raise TypeError(f"{name} expects tensors, got {type(given).__name__}") from lack


def _is_among(given: object, values: tuple[Any, ...]) -> bool:
    items = [item for v in values if isinstance(v, (tuple, list)) for item in v]
    return any(given is each for each in (*values, *items))


def _looked_for_a_tensor(lack: AttributeError) -> bool:
    """Whether code of minicnn, not a user's, asked for an attribute that tensors have."""
    place = lack.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    module = place.tb_frame.f_globals.get("__name__", "") if place else ""
    return module.startswith("minicnn.") and hasattr(Tensor, lack.name or "")

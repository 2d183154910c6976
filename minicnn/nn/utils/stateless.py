"""``functional_call``: a module called with other parameters than its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...tensor import Tensor
from ..module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> object:
    """The result of ``module(*args, **kwargs)`` with some of its parameters and buffers replaced.

    Args:
        module: is left unchanged.
        parameter_and_buffer_dicts: tensors by the names of ``state_dict``, in one dict or several.
        args: the arguments, a tuple; anything else is the only one.
        kwargs: the named arguments.
        tie_weights: whether a tensor that the module has under several names is replaced under all.
        strict: whether all tensors of the module must be given.

    Raises:
        ValueError: for a name in several dicts, or different tensors for one.
        RuntimeError: if ``strict`` and names are missing or unknown.

    As ``torch.func.functional_call``.
    """
    tensors = _joined(parameter_and_buffer_dicts)
    own = _places(module)
    missing, unknown = sorted(set(own) - set(tensors)), sorted(set(tensors) - set(own))
    if strict and (missing or unknown):
        raise RuntimeError(
            f"functional_call is strict: missing names {missing}, unexpected names {unknown}"
        )
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _replaced(own, tensors, tie_weights):
        return module(*args, **(kwargs or {}))


def _joined(given: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, Sequence) or not all(isinstance(each, Mapping) for each in given):
        raise ValueError(f"functional_call expects a dict or several, got {type(given).__name__}")
    joined: dict[str, Tensor] = {}
    for each in given:
        repeated = sorted(set(joined) & set(each))
        if repeated:
            raise ValueError(f"functional_call expects each name in one dict, got twice {repeated}")
        joined |= each
    return joined


def _places(module: Module) -> dict[str, tuple[dict[str, Any], str]]:
    """By its dotted name, where each tensor is stored: the dict of its module, and the key there."""
    places: dict[str, tuple[dict[str, Any], str]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for store in (part._parameters, part._buffers):
            for name, tensor in store.items():
                if tensor is not None:
                    places[f"{path}.{name}" if path else name] = store, name
    return places


@contextmanager
def _replaced(
    places: dict[str, tuple[dict[str, Any], str]], tensors: dict[str, Tensor], tie_weights: bool
) -> Iterator[None]:
    """Puts ``tensors`` into their places, and the old ones back."""
    before = {name: store[key] for name, (store, key) in places.items()}
    instead = {id(before[name]): tensor for name, tensor in tensors.items() if name in before}
    for name, tensor in tensors.items():
        if tie_weights and name in before and instead[id(before[name])] is not tensor:
            raise ValueError(f"functional_call got different tensors for one, also named {name!r}")
    try:
        for name, (store, key) in places.items():
            if name in tensors:
                store[key] = tensors[name]
            elif tie_weights and id(before[name]) in instead:
                store[key] = instead[id(before[name])]
        yield
    finally:
        for name, (store, key) in places.items():
            store[key] = before[name]

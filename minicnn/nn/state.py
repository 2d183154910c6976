"""Collecting a module's ``state_dict``, and loading it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..autograd import no_grad
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

__all__ = ["IncompatibleKeys", "collect_state", "load_state"]


class IncompatibleKeys(NamedTuple):
    """The keys that ``load_state_dict`` could not match."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def collect_state(
    module: Module,
    prefix: str,
    keep_vars: bool,
    destination: OrderedDict[str, Any] | None = None,
) -> OrderedDict[str, Any]:
    """See ``Module.state_dict``; ``prefix`` is put before every name, unchanged."""
    state = OrderedDict() if destination is None else destination
    if destination is None:
        state._metadata = OrderedDict()  # type: ignore[attr-defined]  # torch's modules ask for it
    return _collect(module, state, prefix, keep_vars)


def _collect(
    part: Module, state: OrderedDict[str, Any], prefix: str, keep_vars: bool
) -> OrderedDict[str, Any]:
    metadata = {"version": part._version}
    if hasattr(state, "_metadata"):
        state._metadata[prefix[:-1]] = metadata
    for hook in tuple(part._state_dict_pre_hooks.values()):
        hook(part, prefix, keep_vars)
    for name, tensor in own_state(part).items():
        state[prefix + name] = tensor if keep_vars else tensor.detach()
    if _has_extra_state(part):
        state[f"{prefix}{_EXTRA}"] = part.get_extra_state()
    for name, child in part._modules.items():
        if child is not None:
            child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in tuple(part._state_dict_hooks.values()):
        answer = hook(part, state, prefix, metadata)
        state = state if answer is None else answer
    return state


def own_state(part: Module) -> dict[str, Tensor]:
    """The parameters and persistent buffers of a module, without those of the modules below."""
    kept = {k: v for k, v in part._buffers.items() if k not in part._non_persistent_buffers}
    return {name: v for name, v in (*part._parameters.items(), *kept.items()) if v is not None}


_EXTRA = "_extra_state"


def _has_extra_state(part: Module) -> bool:
    return "get_extra_state" in dir(type(part))


def load_state(
    module: Module, given: Mapping[str, Any], strict: bool, assign: bool
) -> IncompatibleKeys:
    """See ``Module.load_state_dict``."""
    if not isinstance(given, Mapping):
        raise TypeError(f"state_dict must be a mapping, got {type(given)}")
    parts = [
        (f"{path}." if path else "", part)
        for path, part in module.named_modules(remove_duplicate=False)
    ]
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []
    state = _before_loading(parts, given, strict, (missing, unexpected, errors))
    own = {prefix + name: t for prefix, part in parts for name, t in own_state(part).items()}
    extra = {f"{prefix}{_EXTRA}": part for prefix, part in parts if _has_extra_state(part)}
    optional = {prefix + name for prefix, part in parts for name in part._optional_buffers}
    missing += [key for key in (*own, *extra) if key not in state and key not in optional]
    unexpected += [key for key in state if key not in own and key not in extra]
    errors += [
        f"size mismatch for {key}: copying a param with shape {tuple(state[key].shape)} from "
        f"checkpoint, the shape in current model is {tensor.array.shape}."
        for key, tensor in own.items()
        if key in state and tuple(state[key].shape) != tensor.array.shape
    ]
    result = IncompatibleKeys(missing, unexpected)
    if not errors:
        for part in {id(part): part for _, part in reversed(parts)}.values():
            for hook in tuple(part._load_state_dict_post_hooks.values()):
                hook(part, result)
    _raise_if(module, errors, missing if strict else [], unexpected if strict else [])
    with no_grad():
        for key, tensor in own.items():
            if key in state:
                _put(tensor, state[key], assign)
        for key, part in extra.items():
            if key in state:
                part.set_extra_state(state[key])
    return result


def _before_loading(
    parts: list[tuple[str, Module]], given: Mapping[str, Any], strict: bool, notes: tuple[Any, ...]
) -> Mapping[str, Any]:
    """The values to load after the hooks of all modules have changed what they want of a copy."""
    if not any(part._load_state_dict_pre_hooks for _, part in parts):
        return given
    state = OrderedDict(given)
    versions = getattr(given, "_metadata", {})
    for prefix, part in parts:
        for hook in tuple(part._load_state_dict_pre_hooks.values()):
            hook(part, state, prefix, versions.get(prefix[:-1], {}), strict, *notes)
    return state


def _raise_if(module: Module, errors: list[str], missing: list[str], unexpected: list[str]) -> None:
    if missing:
        errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if unexpected:
        place = 1 if missing else 0
        errors.insert(place, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors)
        )


def _put(tensor: Tensor, value: Any, assign: bool) -> None:
    """Copies a value into a tensor, or lets it show the value's memory."""
    source = value if isinstance(value, Tensor) else Tensor.of(np.asarray(value))
    if assign:
        tensor.data = source
    else:
        tensor.copy_(source)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)

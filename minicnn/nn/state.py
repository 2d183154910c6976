"""Collecting a module's ``state_dict``, and loading it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

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
            f"IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def collect_state(module: Module, prefix: str, keep_vars: bool) -> OrderedDict[str, Tensor]:
    """See ``Module.state_dict``; ``prefix`` is put before every name, unchanged."""
    state: OrderedDict[str, Tensor] = OrderedDict()
    versions: OrderedDict[str, dict[str, int]] = OrderedDict()
    state._metadata = versions  # type: ignore[attr-defined]  # as in torch, whose modules ask for it
    for path, part in module.named_modules(remove_duplicate=False):
        dotted = f"{prefix}{path}." if path else prefix
        versions[dotted[:-1]] = {"version": part._version}
        buffers = {
            name: buffer
            for name, buffer in part._buffers.items()
            if name not in part._non_persistent_buffers
        }
        for name, tensor in (*part._parameters.items(), *buffers.items()):
            if tensor is not None:
                state[dotted + name] = tensor if keep_vars else tensor.detach()
    return state


def load_state(
    module: Module, state: Mapping[str, Tensor | np.ndarray], strict: bool
) -> IncompatibleKeys:
    """See ``Module.load_state_dict``."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state_dict must be a mapping, got {type(state)}")
    own = collect_state(module, "", keep_vars=True)
    optional = {
        f"{path}.{name}" if path else name
        for path, part in module.named_modules(remove_duplicate=False)
        for name in part._optional_buffers
    }
    missing = [key for key in own if key not in state and key not in optional]
    unexpected = [key for key in state if key not in own]
    errors = []
    if strict and missing:
        errors.append(f"Missing key(s) in state_dict: {_quoted(missing)}. ")
    if strict and unexpected:
        errors.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    errors += [
        f"size mismatch for {key}: copying a param with shape {tuple(state[key].shape)} from "
        f"checkpoint, the shape in current model is {tuple(tensor.shape)}."
        for key, tensor in own.items()
        if key in state and tuple(state[key].shape) != tensor.shape
    ]
    if errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(errors)
        )
    with no_grad():
        for key, tensor in own.items():
            if key in state:
                value = state[key]
                tensor.copy_(value if isinstance(value, Tensor) else Tensor.of(np.asarray(value)))
    return IncompatibleKeys(missing, unexpected)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)

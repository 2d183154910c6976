"""Weights by name: found in files of every format, and written as safetensors or NumPy's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..tensor import Tensor
from .atomic import replacing
from .files import load
from .numpy_file import write_npz
from .safetensors_file import make_header, write_data

__all__ = ["load_weights", "save_weights"]

# Where checkpoints usually keep the weights.
_NAMES = ("net", "state_dict", "model_state_dict", "model")


def load_weights(path: str | os.PathLike[str], strip_prefix: str = "") -> dict[str, Tensor]:
    """Reads a state_dict; no code from the file is run.

    Args:
        path: a file of ``torch.save`` (``.pth``, ``.pt``), ``.safetensors``, ``.npz``, or a
            checkpoint of minicnn. In a checkpoint with more than weights, they are looked for
            under the names ``net``, ``state_dict``, ``model_state_dict`` and ``model``.
        strip_prefix: removed from names that begin with it: ``"module."`` for weights of torch's
            DataParallel.

    Returns:
        The tensors by name, in the file's order.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, in another format, or contains no weights.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file of weights at {os.fspath(path)!r}")
    content = load(path)
    state = _find_state(content)
    if state is None:
        raise ValueError(f"{os.fspath(path)!r} holds no weights by name, but {_describe(content)}")
    return {name.removeprefix(strip_prefix): value for name, value in state.items()}


def save_weights(state: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Writes a state_dict to a file, atomically: an interrupted call leaves no part of a file.

    Args:
        state: tensors by name.
        path: must end in ``.safetensors``, which torch and others can read, or in ``.npz``.

    Raises:
        ValueError: for another ending.
    """
    path = Path(path)
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}
    if path.suffix not in (".safetensors", ".npz"):
        raise ValueError(f"path must end in .safetensors or .npz, got {str(path)!r}")
    with replacing(path) as file:
        if path.suffix == ".npz":
            write_npz(arrays, file)
        else:
            file.write(make_header(arrays, {}))
            write_data(file, arrays)


def _find_state(content: object, depth: int = 2) -> Mapping[str, Tensor] | None:
    """The first mapping from names to only tensors, nested at most ``depth`` mappings deep."""
    if not isinstance(content, Mapping):
        return None
    if content and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        return content
    for name in _NAMES:
        if depth and isinstance(content.get(name), Mapping):
            return _find_state(content[name], depth - 1)
    return None


def _describe(content: object) -> str:
    if isinstance(content, Mapping):
        return (
            f"a dict with {', '.join(f'{name!r:.60}' for name in list(content)[:8]) or 'nothing'}"
        )
    return f"a {type(content).__name__}"

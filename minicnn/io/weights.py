"""Weight files of PyTorch, safetensors and NumPy; the name and first bytes decide the format."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..dtypes import bfloat16
from ..tensor import Tensor
from .atomic import replacing
from .checkpoint import is_checkpoint, load
from .torch_file import load_torch

__all__ = ["load_weights", "save_weights"]

_MAX_COMPRESSION = 100  # weights hardly shrink, so a file that shrank more is a zip bomb
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
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file of weights at {str(path)!r}")
    if path.suffix == ".npz":
        content: object = _load_npz(path)
    elif is_checkpoint(path):
        content = load(path)
    elif path.suffix == ".safetensors":
        content = _load_safetensors(path)
    else:
        content = load_torch(path)
    state = _find_state(content)
    if state is None:
        raise ValueError(f"{str(path)!r} holds no weights by name, but {_describe(content)}")
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
    arrays = {
        name: np.asarray(tensor.detach().cpu().numpy(), order="C") for name, tensor in state.items()
    }
    if path.suffix not in (".safetensors", ".npz"):
        raise ValueError(f"path must end in .safetensors or .npz, got {str(path)!r}")
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            save_file(arrays, temporary)
        else:
            _save_npz(arrays, temporary)


def _save_npz(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """As ``np.savez``, which cannot save an array named ``file``."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _load_npz(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(path, allow_pickle=False) as file:
            size = sum(info.file_size for info in file.zip.infolist())
            if size > _MAX_COMPRESSION * path.stat().st_size:
                raise ValueError(
                    f"unpacked it would take {size} bytes, more than {_MAX_COMPRESSION} times its "
                    "size, which no weights do"
                )
            return {name: _from_npy(file[name]) for name in file.files}
    except Exception as error:  # zipfile, zlib and NumPy raise many types
        raise ValueError(f"cannot read {str(path)!r}: {error}") from error


def _from_npy(array: np.ndarray) -> Tensor:
    if array.dtype == "V2":  # NumPy's format has no name for bfloat16
        array = array.view(bfloat16)
    if array.dtype != bfloat16 and array.dtype.kind not in "biuf":
        raise ValueError(f"a tensor must hold numbers, got dtype {array.dtype}")
    return Tensor(array)


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="np") as file:
            return {name: Tensor(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, AttributeError, TypeError, ValueError) as error:  # float8 is unknown
        raise ValueError(f"cannot read {str(path)!r}: {error}") from error


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

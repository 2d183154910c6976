"""What the pickles in torch's files name: storages, tensors, dtypes and a few containers.

The list is the one of ``torch.load(weights_only=True)``, without complex, sparse and quantised
tensors, which do not exist here.
"""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..devices import Device, xp_of
from ..dtype import DType
from ..dtypes import bfloat16, is_floating
from ..nn.parameter import Parameter
from ..tensor import Tensor
from ..typing import Array
from .safe_pickle import Function, UnsafePickle, Vocabulary, plain_key

__all__ = [
    "MAX_DIMENSIONS", "STORAGES", "StorageReference", "TorchVocabulary", "count", "encode", "part_of",
    "rebuild_tensor", "storage_of",
]  # fmt: skip

MAX_DIMENSIONS = 64
STORAGES: dict[str, np.dtype[Any]] = {
    "Float": np.dtype(np.float32),
    "Double": np.dtype(np.float64),
    "Half": np.dtype(np.float16),
    "BFloat16": bfloat16,
    "Char": np.dtype(np.int8),
    "Byte": np.dtype(np.uint8),
    "Short": np.dtype(np.int16),
    "Int": np.dtype(np.int32),
    "Long": np.dtype(np.int64),
    "Bool": np.dtype(np.bool_),
}
_NEW_DTYPES = [np.dtype(name) for name in ("uint16", "uint32", "uint64")]  # without a storage
# Parts of names on torch's list, and what they are for.
_UNSUPPORTED = {
    "omplex": "complex numbers",
    "sparse": "sparse tensors",
    "_layout": "layouts of tensors",
    "qtensor": "quantised tensors",
    "torch.Q": "quantised tensors",
    "torch.per_": "quantised tensors",
    "torch.q": "quantised tensors",
    "float8": "numbers of 8 bits",
    "nested": "nested tensors",
    "meta_tensor": "tensors without values",
    "wrapper_subclass": "subclasses of tensors",
}


class StorageReference:
    """A pickle's reference to a storage: "storage", dtype, key, device, number of elements.

    Raises:
        ValueError: if the persistent id is none.
    """

    def __init__(self, identity: Any, length: int) -> None:
        fits = isinstance(identity, tuple) and len(identity) == length
        if not fits or not isinstance(identity[1], np.dtype) or not isinstance(identity[2], str):
            raise ValueError(f"it refers to a {type(identity).__name__} instead of a storage")
        self.dtype: np.dtype[Any] = identity[1]
        self.key: str = identity[2]
        self.location = identity[3] if isinstance(identity[3], str) else "cpu"
        self.count = count(identity[4])


class _Storage(Tensor):
    """A one-dimensional tensor, contiguous in memory; several tensors may be on parts of it."""

    is_part = False
    negated: Tensor | None = None


def storage_of(array: Array) -> Tensor:
    """The storage of a flat array."""
    return _Storage.of(array.reshape(-1))


def part_of(storage: Any, offset: Any, length: Any) -> Tensor:
    """A part of a storage as a storage of its own, on the same memory."""
    if not isinstance(storage, _Storage):
        raise TypeError(f"expected a storage, got a {type(storage).__name__}")
    if count(offset) + count(length) > storage.array.size:
        raise ValueError(
            f"elements {offset} to {offset + length} of a storage of {storage.array.size}"
        )
    part = storage_of(storage.array[offset : offset + length])
    part.is_part = True  # type: ignore[attr-defined]
    return part


def _negated(storage: _Storage) -> Tensor:
    """A storage with the negative numbers; made once, however many tensors are on it."""
    if storage.is_part:  # as many copies as tensors; torch wrote parts before it negated lazily
        raise ValueError("a negated tensor on a part of a storage")
    if storage.negated is None:
        storage.negated = storage_of(-storage.array)
    return storage.negated


def rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    """A tensor on part of a storage; ``offset`` and ``stride`` count elements."""
    size, stride = _shape(size), _shape(stride)
    if not isinstance(storage, _Storage) or len(size) != len(stride):
        raise ValueError(f"a tensor of size {size} with strides {stride}")
    array = storage.array
    if 0 in size:
        return Tensor.of(xp_of(array).empty(size, array.dtype))
    last = count(offset) + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= array.size:
        raise ValueError(
            f"a tensor of size {size} with strides {stride} from element {offset} on does not fit "
            f"its storage of {array.size}"
        )
    steps = [step * array.itemsize for step in stride]
    as_strided = xp_of(array).lib.stride_tricks.as_strided
    return Tensor.of(as_strided(array[offset:], size, steps))


def _tensor_v2(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False,
    backward_hooks: Any = None, metadata: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor; a lazily negated one gets its values, and no longer shares its storage."""
    if metadata:
        if not isinstance(metadata, dict) or not metadata.keys() <= {"neg", "conj"}:
            raise ValueError("a tensor with unknown metadata")
        if metadata.get("neg") is True and isinstance(storage, _Storage):
            storage = _negated(storage)
    tensor = rebuild_tensor(storage, offset, size, stride)
    return tensor.requires_grad_(_wants_gradient(tensor, requires_grad))


def _tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, backward_hooks: Any,
    dtype: Any, metadata: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of another dtype than its storage, which holds bytes."""
    if not isinstance(storage, _Storage) or not isinstance(dtype, DType):
        raise TypeError(f"a tensor of dtype {dtype!r:.40} on a {type(storage).__name__}")
    if metadata:
        raise ValueError("a tensor of unsigned numbers with metadata")
    whole = storage.array.nbytes // dtype.itemsize * dtype.itemsize
    typed = storage_of(storage.array.view(np.uint8)[:whole].view(dtype))
    return _tensor_v2(typed, offset, size, stride, requires_grad)


def _wants_gradient(tensor: Any, requires_grad: Any) -> bool:
    if not isinstance(tensor, Tensor) or not isinstance(requires_grad, bool):
        raise TypeError("a parameter is made of a tensor and a boolean")
    if requires_grad and not is_floating(tensor.array.dtype):
        raise ValueError(f"a tensor of {tensor.dtype} that requires a gradient")
    return requires_grad


def _parameter(data: Any, requires_grad: Any = True, *_: Any) -> Parameter:
    return Parameter(data, _wants_gradient(data, requires_grad))


def _parameter_with_state(data: Any, requires_grad: Any, hooks: Any, state: Any) -> Parameter:
    parameter = _parameter(data, requires_grad)
    _set_attributes(parameter, state)
    return parameter


def _tensor_with_state(function: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
    """A tensor with attributes that somebody gave it."""
    if function not in _TENSORS.values() or cls is not _TENSOR_CLASS:
        raise UnsafePickle("it holds a subclass of a tensor")
    tensor = function.function(*arguments)
    _set_attributes(tensor, state)
    return tensor


def _set_attributes(tensor: Tensor, state: Any) -> None:
    if not isinstance(state, dict):
        raise TypeError(f"the attributes of a tensor are a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(name, str) or hasattr(Tensor, name):
            raise ValueError(f"a tensor cannot get an attribute {name!r:.60}")
        tensor.__dict__[name] = value


def count(number: Any) -> int:
    """``number``, if it is a non-negative integer; otherwise a ValueError."""
    if not isinstance(number, int) or number < 0:
        shown = number if isinstance(number, int) else f"a {type(number).__name__}"
        raise ValueError(f"a count must be a non-negative integer, got {shown}")
    return number


def _shape(numbers: Any = ()) -> tuple[int, ...]:
    if not isinstance(numbers, (tuple, list)) or len(numbers) > MAX_DIMENSIONS:
        raise TypeError(f"a size must be a tuple of at most {MAX_DIMENSIONS} numbers")
    return tuple(map(count, numbers))


# ---- containers and plain values ----


def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    """An empty OrderedDict, or one made from a list of pairs, as Python 2 wrote it."""
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) for pair in pairs
    ):
        raise TypeError("an OrderedDict is made of a list of pairs")
    return OrderedDict((plain_key(key), value) for key, value in pairs)


def _counter(counts: Any) -> Counter[Any]:
    if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
        raise TypeError("a Counter is made of a dict of counts")
    return Counter(counts)


def _set(values: Any = ()) -> set[Any]:
    if not isinstance(values, list):
        raise TypeError("a set is made of a list")
    return set(map(plain_key, values))


def encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes as protocol 2 writes them: as text."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes are made of text in Latin-1")
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: Any = "latin1") -> bytearray:
    return bytearray(content if isinstance(content, bytes) else encode(content, encoding))


def _complex(real: Any, imaginary: Any) -> complex:
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise TypeError("a complex number is made of two numbers")
    return complex(real, imaginary)


def _device(type: Any, index: Any = None) -> Device:
    """A device; one that is neither a CPU nor a GPU does not exist here."""
    if not isinstance(type, str) or not (index is None or isinstance(index, int)):
        raise TypeError("a device has a name and a number")
    try:
        return Device(type, index)
    except RuntimeError as error:
        raise ValueError(f"it names a device that does not exist here: {error}") from error


_TENSOR_CLASS = object()  # stands for torch.Tensor, which files only name
_TENSORS = {
    "torch._utils._rebuild_tensor": Function(rebuild_tensor),
    "torch._utils._rebuild_tensor_v2": Function(_tensor_v2),
    "torch._utils._rebuild_tensor_v3": Function(_tensor_v3),
}
_PARAMETERS = {
    "torch.nn.parameter.Parameter": Function(_parameter),
    "torch._utils._rebuild_parameter": Function(_parameter),
    "torch._utils._rebuild_parameter_with_state": Function(_parameter_with_state),
    "torch._tensor._rebuild_from_type_v2": Function(_tensor_with_state),
}
_NAMES: Mapping[str, Any] = {
    **_TENSORS,
    **_PARAMETERS,
    "collections.OrderedDict": Function(_ordered_dict),
    "collections.Counter": Function(_counter),
    "builtins.set": Function(_set),
    "builtins.bytearray": Function(_bytearray),
    "builtins.complex": Function(_complex),
    "_codecs.encode": Function(encode),
    "torch.Size": Function(_shape),
    "torch.device": Function(_device),
    "torch.Tensor": _TENSOR_CLASS,
    "torch.storage.UntypedStorage": np.dtype(np.uint8),
    **{f"torch.{name}Storage": dtype for name, dtype in STORAGES.items()},
    **{f"torch.{name}Tensor": dtype for name, dtype in STORAGES.items()},
    **{f"torch.{dtype.name}": DType(dtype) for dtype in (*STORAGES.values(), *_NEW_DTYPES)},
}


class TorchVocabulary(Vocabulary):
    """What ``torch.load(weights_only=True)`` admits."""

    def __init__(self) -> None:
        super().__init__(_NAMES)

    def without_tensors(self) -> TorchVocabulary:
        """The same, but None takes the place of each tensor."""
        other = copy.copy(self)
        nothing = Function(lambda *_: None)
        other.names = {**self.names, **dict.fromkeys([*_TENSORS, *_PARAMETERS], nothing)}
        return other

    def find(self, module: str, name: str) -> object:
        full_name = f"{module}.{name}"
        if full_name not in self.names and module.startswith("torch"):
            for part, kind in _UNSUPPORTED.items():
                if part in full_name:
                    raise UnsafePickle(
                        f"it holds {kind} ({full_name[:60]}), which do not exist here"
                    )
        return super().find(module, name)

    def build(self, value: Any, state: Any) -> None:
        """Keeps ``_metadata``, the version numbers of modules, with a state_dict."""
        if not isinstance(value, OrderedDict):
            super().build(value, state)
        if not isinstance(state, dict):
            raise TypeError(f"the attributes of an OrderedDict are a {type(state).__name__}")
        if isinstance(state.get("_metadata"), dict):
            value._metadata = state["_metadata"]

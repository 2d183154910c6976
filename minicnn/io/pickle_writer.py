"""Writes pickles that name torch's classes, without torch.

A pickle is a program for a small stack machine: each opcode pushes a value or puts values together.
Only the opcodes of protocol 2 that ``torch.load(weights_only=True)`` reads are written.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..devices import Device
from ..dtype import DType
from ..nn import Module, Parameter
from ..tensor import Tensor
from .pickled_module import module_state
from .torch_objects import STORAGES
from .torch_storages import Place

__all__ = ["PickleWriter", "tensors_in"]

_STORAGES = {dtype: f"{name}Storage" for name, dtype in STORAGES.items()}
_NEW_DTYPES = ("uint16", "uint32", "uint64")  # torch has no storages of these


def tensors_in(value: object, seen: set[int] | None = None) -> list[Tensor]:
    """All tensors in nested containers and modules, each object once."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        members: Any = value.values()
    elif isinstance(value, (list, tuple, set)):
        members = value
    elif isinstance(value, Module):
        members = value.__dict__.values()
    else:
        return []
    return [tensor for member in members for tensor in tensors_in(member, seen)]


class PickleWriter:
    """Writes one object.

    Args:
        places: the storage of each tensor in it, by the tensor's ``id``.
    """

    def __init__(self, places: Mapping[int, Place]) -> None:
        self.places = places
        self.out = bytearray(pickle.PROTO + b"\x02")
        self.memo: dict[Any, int] = {}  # numbers of values that may be used again, by id or name
        self.kept: list[object] = []  # these values: an id is valid as long as its object is there

    def dump(self, value: object) -> bytes:
        """The pickle of ``value``.

        Raises:
            TypeError: for a type that torch's ``weights_only`` does not admit; says where it is.
        """
        self._write(value, ())
        return bytes(self.out + pickle.STOP)

    def _write(self, value: Any, place: tuple[str, ...]) -> None:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float)):
            self._number(value, place)
        elif self._known(id(value)):
            pass
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self.out += pickle.BINUNICODE + struct.pack("<I", len(text)) + text
            self._remember(value)
        elif isinstance(value, (bytes, bytearray)):
            self._bytes(value, place)
        elif isinstance(value, Tensor):
            self._tensor(value, place)
            self._remember(value)
        elif isinstance(value, (np.dtype, DType)):
            self._global("torch", self._dtype(value, place))
        elif isinstance(value, Device):
            arguments = (value.type,) if value.index is None else (value.type, value.index)
            self._call("torch", "device", arguments, place)
        elif isinstance(value, dict):
            self._dict(value, place)
        elif isinstance(value, list):
            self.out += pickle.EMPTY_LIST
            self._remember(value)
            self._members(value, place, pickle.APPENDS)
        elif isinstance(value, tuple):
            self._members(value, place, pickle.TUPLE, empty=pickle.EMPTY_TUPLE)
            self._remember(value)
        elif isinstance(value, set):
            self._call("__builtin__", "set", (list(value),), place)
            self._remember(value)
        elif isinstance(value, Module):
            self._module(value, place)
        else:
            self._other(value, place)

    def _other(self, value: Any, place: tuple[str, ...]) -> None:
        raise TypeError(
            f"cannot save {'.'.join(place) or 'the object itself'}: in torch's format it must be "
            "a tensor, number, string, boolean, None, bytes, dtype, device, dict, list, tuple, "
            f"set or module, got {type(value).__name__}"
        )

    # ---- values that are used again ----

    def _known(self, key: Any) -> bool:
        """Pushes a value that has been written before; False if it has not."""
        number = self.memo.get(key)
        if number is None:
            return False
        if number < 256:
            self.out += pickle.BINGET + bytes([number])
        else:
            self.out += pickle.LONG_BINGET + struct.pack("<I", number)
        return True

    def _remember(self, value: object, name: str | None = None) -> None:
        """Numbers the value on top of the stack."""
        number = self.memo[name or id(value)] = len(self.memo)
        self.kept.append(value)
        if number < 256:
            self.out += pickle.BINPUT + bytes([number])
        else:
            self.out += pickle.LONG_BINPUT + struct.pack("<I", number)

    # ---- plain values and containers ----

    def _number(self, value: float | None, place: tuple[str, ...]) -> None:
        if value is None:
            self.out += pickle.NONE
        elif isinstance(value, bool):
            self.out += pickle.NEWTRUE if value else pickle.NEWFALSE
        elif isinstance(value, float):
            self.out += pickle.BINFLOAT + struct.pack(">d", value)
        elif -(2**31) <= value < 2**31:
            self.out += pickle.BININT + struct.pack("<i", value)
        else:
            digits = pickle.encode_long(int(value))
            if len(digits) > 255:
                raise TypeError(f"cannot save {'.'.join(place)}: an integer of {len(digits)} bytes")
            self.out += pickle.LONG1 + bytes([len(digits)]) + digits

    def _bytes(self, value: bytes | bytearray, place: tuple[str, ...]) -> None:
        """Protocol 2 has no bytes: they are written as text in Latin-1."""
        if isinstance(value, bytes):
            self._call("_codecs", "encode", (value.decode("latin1"), "latin1"), place)
        else:
            self._call("__builtin__", "bytearray", (bytes(value),), place)
        self._remember(value)

    def _members(self, values: Any, place: tuple[str, ...], end: bytes, empty: bytes = b"") -> None:
        """Pushes values and puts them together."""
        if not values:
            self.out += empty
            return
        self.out += pickle.MARK
        for number, member in enumerate(values):
            self._write(member, (*place, str(number)))
        self.out += end

    def _dict(self, value: dict[Any, Any], place: tuple[str, ...]) -> None:
        if isinstance(value, Counter):
            self._call("collections", "Counter", (dict(value),), place)
            self._remember(value)
            return
        if isinstance(value, OrderedDict):
            self._call("collections", "OrderedDict", (), place)
        else:
            self.out += pickle.EMPTY_DICT
        self._remember(value)
        self.out += pickle.MARK
        for key, member in value.items():
            self._check_key(key, place)
            self._write(key, place)
            self._write(member, (*place, str(key)))
        self.out += pickle.SETITEMS
        metadata = getattr(value, "_metadata", None)
        if metadata is not None:  # the version numbers of modules in a state_dict
            self._write({"_metadata": metadata}, place)
            self.out += pickle.BUILD

    def _check_key(self, key: object, place: tuple[str, ...]) -> None:
        if not (key is None or isinstance(key, (bool, int, float, str))):
            raise TypeError(
                f"cannot save {'.'.join(place) or 'the object itself'}: keys of a dict must be "
                f"strings, numbers, booleans or None, got {key!r} of type {type(key).__name__}"
            )

    def _module(self, module: Module, place: tuple[str, ...]) -> None:
        cls = type(module)
        if "<locals>" in cls.__qualname__:  # nobody could find it again
            raise TypeError(
                f"cannot save {'.'.join(place) or 'the object itself'}: {cls.__qualname__} is defined "
                "in a function; save the module's state_dict()"
            )
        self._global(cls.__module__, cls.__qualname__)
        self.out += pickle.EMPTY_TUPLE + pickle.NEWOBJ
        self._remember(module)
        self._write(module_state(module), place)
        self.out += pickle.BUILD

    # ---- names, calls and tensors ----

    def _global(self, module: str, name: str) -> None:
        full_name = f"{module} {name}"
        if not self._known(full_name):
            self.out += pickle.GLOBAL + f"{module}\n{name}\n".encode()
            self._remember(None, full_name)

    def _call(self, module: str, name: str, arguments: Any, place: tuple[str, ...]) -> None:
        self._global(module, name)
        self._write(arguments, place)
        self.out += pickle.REDUCE

    def _dtype(self, dtype: np.dtype[Any] | DType, place: tuple[str, ...]) -> str:
        if dtype.newbyteorder("=") not in _STORAGES and dtype.name not in _NEW_DTYPES:
            raise TypeError(f"cannot save {'.'.join(place)}: torch has no dtype {dtype}")
        return dtype.name

    def _tensor(self, tensor: Tensor, place: tuple[str, ...]) -> None:
        is_parameter = isinstance(tensor, Parameter)
        if is_parameter:
            self._global("torch._utils", "_rebuild_parameter")
            self.out += pickle.MARK
        dtype = self._dtype(tensor.array.dtype, place)
        storage = _STORAGES.get(tensor.dtype.newbyteorder("="))
        where = self.places[id(tensor)]
        self._global("torch._utils", "_rebuild_tensor_v2" if storage else "_rebuild_tensor_v3")
        self.out += pickle.MARK
        self._storage(where, storage, tensor.dtype.itemsize)
        for argument in (where.offset, tensor.shape, where.stride, tensor.requires_grad):
            self._write(argument, place)
        self._call("collections", "OrderedDict", (), place)  # of hooks: none
        if storage is None:
            self._global("torch", dtype)
        self.out += pickle.TUPLE + pickle.REDUCE
        if is_parameter:
            self._write(tensor.requires_grad, place)
            self._call("collections", "OrderedDict", (), place)
            self.out += pickle.TUPLE + pickle.REDUCE

    def _storage(self, where: Place, name: str | None, itemsize: int) -> None:
        """Refers to a storage; one of a dtype without a storage class counts bytes."""
        self.out += pickle.MARK
        self._write("storage", ())
        if name is None:
            self._global("torch.storage", "UntypedStorage")
        else:
            self._global("torch", name)
        self._write(str(where.key), ())
        self._write(str(where.device), ())
        self._write(where.length if name else where.length * itemsize, ())
        self.out += pickle.TUPLE + pickle.BINPERSID

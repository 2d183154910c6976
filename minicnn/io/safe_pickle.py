"""Reads pickles without running code from them.

A pickle is a program for a small stack machine. One of its instructions calls any function that the
file names, so unpickling somebody's file lets them run anything on your computer. The machine here
has only the instructions that make plain values, and calls only functions on a list.
"""

from __future__ import annotations

import pickle
import pickletools
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

__all__ = ["Function", "UnsafePickle", "Vocabulary", "load_pickle", "plain_key"]

_PLAIN = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
_ARGUMENT_IS_VALUE = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),  # from Python 2
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_PYTHON_2 = {"__builtin__": "builtins"}
# Calls may copy what the file holds once, not again and again: arguments and results together may
# take this many times the bytes read so far, and a free share for the fixed size of small objects.
_MAX_GROWTH = 100
_FREE_BYTES = 1 << 20


class UnsafePickle(ValueError, pickle.UnpicklingError):
    """A pickle contains something that plain data does not need."""


class Function:
    """A function that a pickle may call.

    The machine calls nothing else, so that a file cannot pass off a value as a function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function


class Vocabulary:
    """What a pickle may name and build: the values in ``names``, and no objects.

    Args:
        names: by full name, such as ``"collections.OrderedDict"``.
    """

    has_bytearrays = False  # whether a pickle may contain some, by protocol 5

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        self.names = names or {}

    def find(self, module: str, name: str) -> object:
        """What the name stands for, or an UnsafePickle."""
        full_name = f"{_PYTHON_2.get(module, module)}.{name}"
        if full_name not in self.names:
            raise UnsafePickle(
                f"it names {full_name[:60]!r}, which weights do not need; no code from it was run. For "
                "a whole module save its state_dict(), or define its class and use weights_only=False"
            )
        return self.names[full_name]

    def load(self, stream: Any, persistent_load: Callable[[Any], Any] | None) -> object:
        """Reads one pickle, as :func:`load_pickle` does."""
        return load_pickle(stream, self, persistent_load)

    def new(self, cls: Any, arguments: Any) -> object:
        """A new object of a class, which the instruction NEWOBJ asks for."""
        raise UnsafePickle(f"it makes an object of a {type(cls).__name__}")

    def key(self, value: Any) -> Hashable:
        """``value`` itself, if it may be a key of a dict or a member of a set."""
        return plain_key(value)

    def build(self, value: Any, state: Any) -> None:
        """Gives an object its attributes, which the instruction BUILD asks for."""
        raise UnsafePickle(f"it sets attributes of a {type(value).__name__}")


def load_pickle(
    stream: Any,
    vocabulary: Vocabulary | None = None,
    persistent_load: Callable[[Any], Any] | None = None,
) -> object:
    """Reads one pickle from a stream; the stream's position is then right after it.

    Args:
        stream: a binary file, at the start of a pickle.
        vocabulary: what the pickle may name; by default nothing.
        persistent_load: returns the object for a persistent id, as in :mod:`pickle`.

    Returns:
        The object in the pickle.

    Raises:
        UnsafePickle: for another name, or an instruction that plain data does not need.
        ValueError: if the pickle is damaged or cut off.
    """
    machine = _Machine(vocabulary or Vocabulary(), persistent_load)
    start = stream.tell()
    try:
        for opcode, argument, position in pickletools.genops(stream):
            machine.bytes_read = position - start
            machine.run(opcode.name, argument)
    except UnsafePickle:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"its pickle is damaged: {error}") from error
    return machine.result


class _Machine:
    """The stack, the memo of values that are used again, and one method for each instruction."""

    def __init__(
        self, vocabulary: Vocabulary, persistent_load: Callable[[Any], Any] | None
    ) -> None:
        self.vocabulary = vocabulary
        self.bytes_read = 0
        self.bytes_made = 0  # by calls, with what they were made from
        self.persistent_load = persistent_load
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack at which a group of values began
        self.memo: dict[int, Any] = {}
        self.result: object = None

    def run(self, name: str, argument: Any) -> None:
        if name in _ARGUMENT_IS_VALUE:
            self.stack.append(argument)
        elif name in _PLAIN:
            self.stack.append(_PLAIN[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name in ("PROTO", "FRAME"):
            pass
        else:
            method = getattr(self, f"_{name.lower()}", None)
            if method is None:
                raise UnsafePickle(f"the file holds more than plain data: instruction {name}")
            method(argument)

    def _since_mark(self) -> list[Any]:
        """Takes everything above the last mark off the stack."""
        position = self.marks.pop()
        values = self.stack[position:]
        del self.stack[position:]
        return values

    def _bytearray8(self, argument: bytearray) -> None:
        if not self.vocabulary.has_bytearrays:
            raise UnsafePickle("the file holds more than plain data: instruction BYTEARRAY8")
        self.stack.append(argument)

    # ---- containers ----

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _: Any) -> None:
        self._gather(1)

    def _tuple2(self, _: Any) -> None:
        self._gather(2)

    def _tuple3(self, _: Any) -> None:
        self._gather(3)

    def _gather(self, count: int) -> None:
        values = [self.stack.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def _list(self, _: Any) -> None:
        self.stack.append(self._since_mark())

    def _dict(self, _: Any) -> None:
        self.stack.append(dict(self._pairs()))

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self, _: Any) -> None:
        values = self._since_mark()
        self._extend(values)

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put([(self.vocabulary.key(key), value)])

    def _setitems(self, _: Any) -> None:
        self._put(self._pairs())

    def _additems(self, _: Any) -> None:
        values = self._since_mark()
        set.update(self._top(set), map(self.vocabulary.key, values))

    def _extend(self, values: list[Any]) -> None:
        """Adds values to the list or deque on top of the stack, by no method of its own."""
        target = self._top(list, deque)
        kind = list if isinstance(target, list) else deque
        kind.extend(target, values)

    def _pairs(self) -> list[tuple[Hashable, Any]]:
        """Takes keys and values above the last mark off the stack."""
        values = self._since_mark()
        return list(zip(map(self.vocabulary.key, values[::2]), values[1::2], strict=True))

    def _put(self, pairs: list[tuple[Hashable, Any]]) -> None:
        """Puts pairs into the dict on top of the stack, by no method of its own."""
        target = self._top(dict)
        kind = OrderedDict if isinstance(target, OrderedDict) else dict
        for key, value in pairs:
            kind.__setitem__(target, key, value)

    def _top(self, *kinds: type) -> Any:
        if not isinstance(self.stack[-1], kinds):
            raise TypeError(f"expected a {kinds[0].__name__}, got {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    # ---- names and calls ----

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self.vocabulary.find(module, name))

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name must be a string")
        self.stack.append(self.vocabulary.find(module, name))

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Function):
            raise UnsafePickle(f"it calls a {type(function).__name__}")
        if not isinstance(arguments, tuple):
            raise TypeError(f"expected a tuple of arguments, got {type(arguments).__name__}")
        result = function.function(*arguments)
        self.bytes_made += sum(map(sys.getsizeof, (*arguments, result)))
        if self.bytes_made > _MAX_GROWTH * self.bytes_read + _FREE_BYTES:
            raise ValueError("it copies its content again and again")
        self.stack.append(result)

    def _newobj(self, _: Any) -> None:
        arguments, cls = self.stack.pop(), self.stack.pop()
        self.stack.append(self.vocabulary.new(cls, arguments))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        self.vocabulary.build(self.stack[-1], state)

    def _persid(self, argument: str) -> None:
        self._persistent(argument)

    def _binpersid(self, _: Any) -> None:
        self._persistent(self.stack.pop())

    def _persistent(self, identity: Any) -> None:
        if self.persistent_load is None:
            raise ValueError("it refers to something that it does not hold")
        self.stack.append(self.persistent_load(identity))

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _stop(self, _: Any) -> None:
        (self.result,) = self.stack


def plain_key(value: object) -> Hashable:
    """``value`` itself, if it may be a key of a dict.

    Nested tuples may not: hashing deeply nested ones would overflow the interpreter's stack.

    Raises:
        TypeError: unless it is a plain value or a tuple of plain values.
    """
    parts = value if isinstance(value, tuple) else (value,)
    if not all(part is None or isinstance(part, (str, bytes, int, float)) for part in parts):
        raise TypeError("a key must be plain, or a tuple of plain values")
    return value

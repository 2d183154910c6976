"""Reads pickles without running code from them.

A pickle is a program for a small stack machine. One of its instructions calls any function that the
file names, so unpickling somebody's file lets them run anything on your computer. The machine here
has only the instructions that make plain values, and calls only functions on a list.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

__all__ = ["UnsafePickle", "load_pickle", "plain_key"]

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


class UnsafePickle(ValueError):
    """A pickle contains something that plain data does not need."""


def load_pickle(
    stream: Any,
    allowed: Mapping[str, Any],
    persistent_load: Callable[[Any], Any] | None = None,
) -> object:
    """Reads one pickle from a stream; the stream's position is then right after it.

    Args:
        stream: a binary file or mapped memory, at the start of a pickle.
        allowed: the names that the pickle may use, such as ``"collections.OrderedDict"``, and what
            they stand for: values, and functions, which it may also call.
        persistent_load: returns the object for a persistent id, as in :mod:`pickle`.

    Returns:
        The object in the pickle.

    Raises:
        UnsafePickle: for another name, or an instruction that plain data does not need.
        ValueError: if the pickle is damaged or cut off.
    """
    machine = _Machine(allowed, persistent_load)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            machine.run(opcode.name, argument)
    except UnsafePickle:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"the pickle is damaged or cut off: {error}") from error
    return machine.result


class _Machine:
    """The stack, the memo of values that are used again, and one method for each instruction."""

    def __init__(
        self, allowed: Mapping[str, Any], persistent_load: Callable[[Any], Any] | None
    ) -> None:
        self.allowed = allowed
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
        self.stack.append(_pairs(self._since_mark()))

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._top(list).append(value)

    def _appends(self, _: Any) -> None:
        values = self._since_mark()
        self._top(list).extend(values)

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._top(dict)[plain_key(key)] = value

    def _setitems(self, _: Any) -> None:
        values = self._since_mark()
        self._top(dict).update(_pairs(values))

    def _additems(self, _: Any) -> None:
        values = self._since_mark()
        self._top(set).update(map(plain_key, values))

    def _top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise TypeError(f"expected a {kind.__name__}, got {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    # ---- names and calls ----

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._name(f"{module}.{name}")

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name must be a string")
        self._name(f"{module}.{name}")

    def _name(self, name: str) -> None:
        if name not in self.allowed:
            raise UnsafePickle(
                f"the file names {name[:100]!r}, which is not on the list of what weights need; "
                "no code from the file was run"
            )
        self.stack.append(self.allowed[name])

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        # The function must be one of those allowed: the file cannot pass off a value as a function.
        if not any(function is known for known in self.allowed.values()):
            raise UnsafePickle(f"the file calls a {type(function).__name__}")
        if not isinstance(arguments, tuple):
            raise TypeError(f"expected a tuple of arguments, got {type(arguments).__name__}")
        self.stack.append(function(*arguments))

    def _build(self, _: Any) -> None:
        """Drops attributes of an object, such as the version numbers in a state_dict."""
        self.stack.pop()
        self._top(OrderedDict)

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


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(map(plain_key, values[::2]), values[1::2], strict=True))


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

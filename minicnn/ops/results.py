"""How results of several tensors print: as those of torch, ``torch.return_types.max(...)``."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

Result = TypeVar("Result", bound=tuple[Any, ...])


def returned(name: str, result: Result) -> Result:
    """A named tuple that is printed as what torch's operation of this name returns.

    Its fields, and the classes that it belongs to, stay the same.
    """
    return _printed_as(name, type(result))(*result)


@functools.cache
def _printed_as(name: str, base: type[Result]) -> type[Result]:
    def text(self: Any) -> str:
        fields = ",\n".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
        return f"torch.return_types.{name}(\n{fields})"

    def plain(self: Any) -> tuple[type[Result], tuple[Any, ...]]:  # pickle finds that class by name
        return base, tuple(self)

    return type(name, (base,), {"__slots__": (), "__repr__": text, "__reduce__": plain})

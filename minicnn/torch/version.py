"""The version of torch whose names minicnn has, and its own."""

from __future__ import annotations

import re
from typing import Any

from ..version import __version__ as own

__all__ = ["__version__"]


class Version(str):
    """A version that is also compared as one: ``"2.13.0" > "2.4"``, ``>= (2, 0)``.

    As ``torch.torch_version.TorchVersion``.
    """

    def _compare(self, other: Any) -> int:
        mine, yours = _release(self), _release(other)
        length = max(len(mine), len(yours))
        mine, yours = (release + [0] * (length - len(release)) for release in (mine, yours))
        return (mine > yours) - (mine < yours)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._compare(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._compare(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._compare(other) >= 0


def _release(version: Any) -> list[int]:
    """The numbers of ``"2.13.0+cpu"``, ``(2, 13)`` and the like."""
    if not isinstance(version, str):
        return [int(part) for part in version]
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return [int(part) for part in found[1].split(".")] if found else []


__version__ = Version(f"2.13.0+minicnn{own}")

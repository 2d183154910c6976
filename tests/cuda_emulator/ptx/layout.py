"""Where variables lie in a piece of memory."""

from __future__ import annotations

from dataclasses import dataclass

from .statements import Variable


@dataclass
class Layout:
    """The offset of each variable, by its name, and the size of them all."""

    offsets: dict[str, int]
    nbytes: int

    @classmethod
    def of(cls, variables: list[Variable]) -> Layout:
        """Puts variables one behind the other, each aligned as it asks for."""
        offsets = {}
        end = 0
        for variable in variables:
            end = _round_up(end, variable.align)
            offsets[variable.name] = end
            end += variable.nbytes
        return cls(offsets, _round_up(end, 16))

    def align_end(self, alignment: int) -> None:
        """Makes what comes behind the variables aligned."""
        self.nbytes = _round_up(self.nbytes, alignment)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple

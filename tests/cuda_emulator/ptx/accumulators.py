"""The registers of a function that hold wgmma's sums, which the runtime takes and gives back."""

from __future__ import annotations

import re

from .operation import identifier, vector_elements
from .program import Function
from .statements import Instruction

_REGISTER = re.compile(r"%[\w$]+")


class Accumulators:
    """All accumulators of a function.

    They are elements of one array, so that the runtime finds them without having their addresses.
    ``lists`` has the name of a table of their numbers for each list that stands in an instruction.
    """

    def __init__(self, function: Function) -> None:
        self.numbers: dict[str, int] = {}
        self.lists: dict[tuple[str, ...], str] = {}
        self._touched: set[int] = set()  # since the last jump target or wgmma
        for instruction in function.instructions:
            if not instruction.opcode.startswith("wgmma.mma_async"):
                continue
            registers = tuple(vector_elements(instruction.operands[0]))
            self.lists.setdefault(registers, f"accumulator_list_{len(self.lists)}")
            for register in registers:
                self.numbers.setdefault(register, len(self.numbers))

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def declarations(self) -> str:
        """The C++ lines at the start of the function."""
        if not self:
            return ""
        lines = [f"Accumulators<{len(self.numbers)}> accumulators;"]
        for registers, name in self.lists.items():
            numbers = ", ".join(str(self.numbers[register]) for register in registers)
            lines.append(f"static const uint16_t {name}[] = {{{numbers}}};")
        lines += [
            f"float& {identifier(register)} = accumulators.values[{number}];"
            for register, number in self.numbers.items()
        ]
        return "".join(f"  {line}\n" for line in lines)

    def forget_touches(self) -> None:
        """From here on, accumulators are reported again; before that, once is enough."""
        self._touched.clear()

    def touches(self, instruction: Instruction, site: int) -> str:
        """C++ that reports the accumulators which an instruction other than wgmma accesses."""
        if not self:
            return ""
        if instruction.opcode.startswith("wgmma"):
            self.forget_touches()
            return ""
        found = dict.fromkeys(_REGISTER.findall(" ".join(instruction.operands)))
        numbers = [self.numbers[register] for register in found if register in self.numbers]
        numbers = [number for number in numbers if number not in self._touched]
        if not instruction.guard:
            self._touched.update(numbers)
        return "".join(f"touch(accumulators.states[{number}], {site}); " for number in numbers)

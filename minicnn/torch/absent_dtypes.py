"""Complex dtypes, which torch has and minicnn has not: programs compare with them."""

from __future__ import annotations

from typing import NoReturn

from .missing import explain

__all__ = ["complex64", "complex128"]


class AbsentDType:
    """A dtype that no tensor has.

    Args:
        name: in torch.
        itemsize: bytes of a number.
    """

    is_complex = True
    is_floating_point = False

    def __init__(self, name: str, itemsize: int) -> None:
        self.name = name
        self.itemsize = itemsize

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    @property
    def dtype(self) -> NoReturn:
        """NumPy asks for it when a tensor of this dtype shall be made.

        Raises:
            TypeError: always.
        """
        raise TypeError(explain(f"torch.{self.name}", ()))


complex64, complex128 = AbsentDType("complex64", 8), AbsentDType("complex128", 16)

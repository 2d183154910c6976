"""TVTensor: a tensor that says what its numbers are, such as an image or boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..creation import as_tensor
from ..ops.methods import TensorMethods
from ..printing import tensor_text
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike

if TYPE_CHECKING:
    from typing import Self

__all__ = ["TVTensor", "is_pure_tensor", "plain", "set_return_type", "wrap"]

# Methods whose results always keep the class.
_KEEPING = ("clone", "to", "detach", "requires_grad_", "pin_memory")


class TVTensor(Tensor):
    """The base of the tensors that :mod:`minicnn.transforms.v2` treats by their kind.

    Methods and operators return plain tensors, except ``clone``, ``to``, ``detach``,
    ``requires_grad_`` and ``pin_memory``; :func:`set_return_type` changes that. Functions such as
    ``minicnn.exp`` always return plain tensors, unlike torch's.

    As ``torchvision.tv_tensors.TVTensor``.
    """

    @classmethod
    def wrap(cls, tensor: Tensor, like: TVTensor, **kwargs: Any) -> Self:
        """A tensor as one of this class, on the same memory and with the same history.

        Args:
            tensor: the numbers.
            like: of this class, whose other attributes are taken over.
            kwargs: attributes that differ.
        """
        out = tensor.as_subclass(cls)
        vars(out).update({**vars(like), **kwargs})
        return out

    def __repr__(self) -> str:
        return tensor_text(self, type(self).__name__)

    def _text_with(self, *names: str) -> str:
        """The text of the numbers, and of the attributes that ``names`` names."""
        notes = ", ".join(f"{name}={getattr(self, name)}" for name in names)
        return f"{tensor_text(self, type(self).__name__)[:-1]}, {notes})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        out = super().__deepcopy__(memo)
        vars(out).update(vars(self))
        return out

    def __reduce__(self) -> Any:
        return (*super().__reduce__(), vars(self) or None)


def plain(tensor: Tensor) -> Tensor:
    """The tensor without its kind; itself if it has none."""
    return tensor.as_subclass(Tensor) if isinstance(tensor, TVTensor) else tensor


def is_pure_tensor(inpt: Any) -> bool:
    """Whether something is a tensor, and no :class:`TVTensor`."""
    return isinstance(inpt, Tensor) and not isinstance(inpt, TVTensor)


def as_numbers(
    data: Any, dtype: DTypeLike | None, device: DeviceLike | None, requires_grad: bool | None
) -> Tensor:
    """A plain tensor of what a :class:`TVTensor` is made from; arguments as ``as_tensor``."""
    if requires_grad is None:
        requires_grad = isinstance(data, Tensor) and data.requires_grad
    out = plain(as_tensor(data, dtype, device))
    return out if out.requires_grad == requires_grad else out.requires_grad_(requires_grad)


def wrap(wrappee: Tensor, *, like: Tensor, **kwargs: Any) -> Tensor:
    """A tensor of the class of another one, on the same memory.

    Args:
        wrappee: the numbers.
        like: the tensor whose class, and whose attributes such as ``canvas_size``, are taken over.
        kwargs: attributes that differ.

    As ``torchvision.tv_tensors.wrap``.
    """
    return type(like).wrap(wrappee, like, **kwargs) if isinstance(like, TVTensor) else wrappee


class set_return_type:
    """Chooses whether methods of a :class:`TVTensor` keep its class, for good or in a ``with`` block.

    Args:
        return_type: ``"TVTensor"`` or ``"Tensor"``.

    Raises:
        ValueError: for anything else.

    As ``torchvision.tv_tensors.set_return_type``.
    """

    kept = False

    def __init__(self, return_type: str) -> None:
        if return_type.lower() not in ("tensor", "tvtensor"):
            raise ValueError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}")
        self._before = set_return_type.kept
        set_return_type.kept = return_type.lower() == "tvtensor"

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        set_return_type.kept = self._before


def _method(name: str) -> Callable[..., Any]:
    """A method of ``Tensor`` whose results are of the class that they should be of."""
    always = name in _KEEPING

    def method(self: TVTensor, *args: Any, **options: Any) -> Any:
        out = getattr(super(TVTensor, self), name)(*args, **options)
        return _of_kind(out, self if always or set_return_type.kept else None)

    method.__name__ = name
    method.__doc__ = f"``Tensor.{name}``."
    return method


def _of_kind(out: Any, like: TVTensor | None) -> Any:
    if isinstance(out, Tensor):
        if like is None:
            return plain(out)
        return out if isinstance(out, type(like)) else type(like).wrap(out, like)
    if isinstance(out, (tuple, list)) and like is not None:
        parts = [_of_kind(part, like) for part in out]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    return out


_OTHERS = ("__hash__", "__dict__", "__doc__", "__module__", "__weakref__")
for _class in TensorMethods.__mro__[:-1]:
    for _name, _value in vars(_class).items():
        if not isinstance(_value, (property, classmethod, staticmethod)) and _name not in _OTHERS:
            setattr(TVTensor, _name, _method(_name))
for _name in ("detach", "requires_grad_"):
    setattr(TVTensor, _name, _method(_name))

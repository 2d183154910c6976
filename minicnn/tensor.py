"""``Tensor``: an array with a gradient."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .devices import CPU, Device, device_of, to_device
from .dtypes import bool_, float32, int64, is_floating
from .typing import Array

if TYPE_CHECKING:
    from typing import Self

    from .autograd import Function, View
    from .ops.methods import TensorMethods
else:
    TensorMethods = object  # ops/methods.py adds the methods once the operations are defined


class RemovableHandle:
    """Removes a hook: ``handle.remove()``, or at the end of a ``with`` block."""

    _keys = itertools.count()  # never repeated, or a second remove() could hit another hook

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks = hooks
        self._key = next(self._keys)
        hooks[self._key] = hook

    def remove(self) -> None:
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Version:
    """Counts the writes to the memory that a tensor and its views share."""

    # in the class until the first write, as every operation makes one of these
    writes = 0
    rewrites = 0  # the recorded ones, which replaced the history


class Tensor(TensorMethods):
    """An n-dimensional array with a gradient and a record of how it was computed.

    Args:
        array: a NumPy or CuPy array, wrapped without a copy.
        requires_grad: whether ``backward`` should store its gradient in ``grad``.

    Raises:
        TypeError: for anything but an array.
        RuntimeError: if a gradient is requested for numbers that are not floating point.

    As ``torch.Tensor``; the array itself is ``array``.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "array",
        "grad",
        "grad_fn",
        "hooks",
        "output_index",
        "requires_grad",
        "version",
        "view_of",
    )

    __array_ufunc__ = None  # so that numpy_array * tensor calls the tensor, whose error explains

    array: Array
    grad: Tensor | None
    grad_fn: Function | None

    def __init__(self, array: Array, requires_grad: bool = False) -> None:
        if type(array) is not np.ndarray:
            array = _checked(array)
        self.array = array
        self.requires_grad = False
        self.grad = None
        self.grad_fn = None
        self.output_index = 0
        self.version = Version()  # an object, because views share it with their base
        self.view_of: View | None = None
        self.hooks: dict[int, Callable[[Tensor], Any]] | None = None
        if requires_grad:
            self.requires_grad_()

    # ------------------------------------------------------------------------ what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def device(self) -> Device:
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor without history."""
        return self.detach()

    @data.setter
    def data(self, new: Tensor) -> None:
        self.array = new.array
        self.bump_version()

    @overload
    def size(self, dim: None = None) -> tuple[int, ...]: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: int | None = None) -> tuple[int, ...] | int:
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    def is_floating_point(self) -> bool:
        return is_floating(self.array.dtype)

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() expects a tensor with at least one dimension, got shape ()")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        array = self.numpy_copy() if self.device.type == "cuda" else self.array
        text = np.array2string(array, separator=", ", precision=4, threshold=1000, prefix="tensor(")
        notes = [] if self.dtype in (float32, int64, bool_) else [f"dtype={self.dtype}"]
        if self.device.type != "cpu":
            notes.append(f"device='{self.device}'")
        if self.grad_fn is not None:
            notes.append(f"grad_fn={self.grad_fn}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([text, *notes])})"

    def __format__(self, spec: str) -> str:
        """Formats one number like a Python number (``f"{loss:.4f}"``), others by their repr."""
        if self.array.ndim == 0:
            return format(self.item(), spec)
        return format(repr(self), spec)

    # ------------------------------------------------------------------------ its numbers

    def numpy(self) -> np.ndarray:
        """The NumPy array of a CPU tensor, sharing its memory.

        Raises:
            RuntimeError: if the tensor requires a gradient.
            TypeError: if it is on a GPU.
        """
        if self.requires_grad:
            raise RuntimeError("numpy() expects a tensor without gradient: use x.detach().numpy()")
        if self.device.type != "cpu":
            raise TypeError(f"numpy() expects a CPU tensor, got one on {self.device}: use x.cpu()")
        return self.array

    def numpy_copy(self) -> np.ndarray:
        """A NumPy copy of the numbers, from any device, with or without a gradient."""
        return np.array(to_device(self.array, CPU))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        if self.requires_grad:
            raise BufferError("DLPack expects a tensor without gradient: use x.detach()")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self.device.type != "cuda":
            raise AttributeError("__cuda_array_interface__ exists for CUDA tensors only")
        return self.array.__cuda_array_interface__  # type: ignore[attr-defined]

    def item(self) -> float:
        """The single number of a tensor with one element.

        Raises:
            RuntimeError: if it has more or none.
        """
        if self.array.size != 1:
            raise RuntimeError(f"item() expects a tensor of one element, got shape {self.shape}")
        return self.array.item()

    def tolist(self) -> list[Any] | float:
        """The numbers as nested lists."""
        return self.array.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"an index must be an integer tensor, got {self.dtype}")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                f"the truth of a tensor is defined for one element, got shape {self.shape}"
            )
        return bool(self.item())

    # ------------------------------------------------------------------------ its gradient

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Turns the gradient on or off; for leaves only."""
        if requires_grad and not is_floating(self.array.dtype):
            raise RuntimeError(
                f"only floating-point tensors can require a gradient, got {self.dtype}"
            )
        if not requires_grad and self.grad_fn is not None:
            raise RuntimeError("only leaves can stop requiring a gradient: use x.detach()")
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """A tensor on the same memory without history."""
        out = Tensor(self.array)
        out.version = self.version
        return out

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Calls ``hook(grad)`` whenever this tensor's gradient is complete.

        If the hook does not return None, its result replaces the gradient.

        Raises:
            RuntimeError: if the tensor requires no gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook expects a tensor that requires a gradient")
        if self.grad_fn is not None:
            hooks = self.grad_fn.output_hooks.setdefault(self.output_index, {})
        else:
            self.hooks = {} if self.hooks is None else self.hooks
            hooks = self.hooks
        return RemovableHandle(hooks, hook)

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is not a leaf in its ``grad`` as well."""
        if self.grad_fn is None or self._retains_grad():
            return
        reference = weakref.ref(self)  # a strong one would make a cycle: graph, hook, tensor, graph

        def keep(grad: Tensor) -> None:
            tensor = reference()
            if tensor is not None:
                tensor.grad = grad.clone() if tensor.grad is None else tensor.grad + grad

        keep.retains_grad = True  # type: ignore[attr-defined]
        self.register_hook(keep)

    def _retains_grad(self) -> bool:
        hooks = self.grad_fn.output_hooks.get(self.output_index, {}) if self.grad_fn else {}
        return any(hasattr(hook, "retains_grad") for hook in hooks.values())

    # ------------------------------------------------------------------------ changes in place

    def bump_version(self) -> None:
        """Notes a write to the memory; gradients that need the old values then raise an error."""
        self.version.writes += 1

    def refresh_history(self) -> None:
        """Recomputes a view's ``grad_fn`` if a recorded change in place gave its base a new one."""
        view = self.view_of
        if view is None or view.base is None or view.rewrites_seen == self.version.rewrites:
            return
        current = view.take()
        view.rewrites_seen = self.version.rewrites
        self.requires_grad = current.requires_grad
        self.grad_fn, self.output_index = current.grad_fn, current.output_index

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError("only leaves can be deep-copied: use x.detach()")
        copy = type(self).__new__(type(self))
        Tensor.__init__(copy, self.array.copy(order="K"), self.requires_grad)
        copy.grad = None if self.grad is None else self.grad.clone()
        memo[id(self)] = copy
        return copy

    def __reduce__(self) -> Any:
        if self.grad_fn is not None:
            raise RuntimeError("only leaves can be pickled: use x.detach()")
        return _rebuild, (type(self), self.array, self.requires_grad)


def _checked(array: Any) -> Array:
    """An array that a tensor can wrap."""
    if isinstance(array, np.generic):  # NumPy's results without dimensions
        return np.asarray(array)
    # asked of the type: an array would first build the interface
    on_gpu = hasattr(type(array), "__cuda_array_interface__")
    if not isinstance(array, np.ndarray) and not on_gpu:
        raise TypeError(
            f"Tensor expects a NumPy or CuPy array, got {type(array).__name__}: "
            "use minicnn.tensor(…)"
        )
    return array


def _rebuild(cls: type[Tensor], array: Any, requires_grad: bool) -> Tensor:
    out = cls.__new__(cls)
    Tensor.__init__(out, array, requires_grad)
    return out

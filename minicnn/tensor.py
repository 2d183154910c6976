"""``Tensor``: an array with a gradient."""

from __future__ import annotations

import builtins
import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy import ndarray

from .devices import CPU, Device, device_of, to_device
from .dtype import OF_NUMPY, DType
from .dtypes import is_floating
from .size import Size
from .typing import Array

if TYPE_CHECKING:
    from typing import Self

    from .autograd import Function, View
    from .autograd.copied_view import CopiedView
    from .ops.methods import TensorMethods
else:
    TensorMethods = object  # ops/methods.py adds the methods once the operations are defined


Kind = TypeVar("Kind", bound="Tensor")
ClassOf = type[Kind]  # within the class ``type`` is a method

_new = object.__new__


class RemovableHandle:
    """Removes a hook: ``handle.remove()``, or at the end of a ``with`` block."""

    _keys = itertools.count()  # never repeated, or a second remove() could hit another hook

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        self._hooks = hooks
        self._second: dict[int, Any] = {}
        self._key = next(self._keys)
        hooks[self._key] = hook

    def also_in(self, hooks: dict[int, Any], hook: Any) -> None:
        """Puts a hook into a second dictionary, from which ``remove`` takes it as well."""
        hooks[self._key] = hook
        self._second = hooks

    def remove(self) -> None:
        self._hooks.pop(self._key, None)
        self._second.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Version:
    """Counts the writes to the memory that a tensor and its views share.

    The version of ``x.data`` is not the one of x, which is its ``behind``: writes to ``x.data`` are
    counted there as hidden ones.
    """

    # in the class until the first write, as every operation makes one of these
    writes = 0
    rewrites = 0  # the recorded ones, which replaced the history
    hidden_writes = 0  # through x.data
    behind: Version | None = None
    copied: CopiedView | None = None  # the memory is a copy, and writes are for another's, too
    links: weakref.WeakSet[CopiedView] | None = None  # of the copies that write to this memory
    shape_in_torch: tuple[int, ...] | None = None  # of filters, which torch keeps contiguous

    def bump(self) -> None:
        """Notes a write."""
        self.writes += 1
        self._pass_on()

    def bump_hidden(self) -> None:
        """Notes a write through ``x.data``."""
        self.hidden_writes += 1
        self._pass_on()

    def _pass_on(self) -> None:
        """Tells a write to whoever's memory it is, too."""
        if self.copied is not None:
            self.copied.write_back()
        if self.behind is not None:
            self.behind.bump_hidden()

    @property
    def outermost(self) -> Version:
        """The version of x for the one of ``x.data`` or ``x.data.data``, else this one."""
        version = self
        while version.behind is not None:
            version = version.behind
        return version

    @property
    def all_writes(self) -> int:
        """The number of writes, with those through ``x.data``."""
        return self.writes + self.hidden_writes


class RetainGrad:
    """The hook that keeps the gradient of a tensor which is not a leaf; it runs after all others."""

    def __init__(self, tensor: Tensor) -> None:
        # a strong reference would make a cycle: graph, hook, tensor, graph
        self.reference = weakref.ref(tensor)

    def __call__(self, grad: Tensor) -> None:
        tensor = self.reference()
        if tensor is not None:
            tensor._grad = grad.clone() if tensor._grad is None else tensor._grad + grad


class Tensor(TensorMethods):
    """An n-dimensional array with a gradient and a record of how it was computed.

    The array itself, of NumPy or CuPy, is ``array``. :meth:`of` makes a tensor of an array;
    ``Tensor(2, 3)`` and ``Tensor([1, 2])`` make one as torch's old constructor does, which also takes
    an array (``constructors.py``). As ``torch.Tensor``.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_grad",
        "_grad_fn",
        "_requires_grad",
        "array",
        "hooks",
        "output_index",
        "version",
        "view_of",
    )

    __array_priority__ = 1000  # numpy_array * tensor is the tensor's multiplication

    array: Array
    _grad: Tensor | None
    _grad_fn: Function | None  # of a view, the one before the last change of its base
    _requires_grad: bool

    output_index: int
    version: Version  # an object, because views share it with their base
    view_of: View | None
    hooks: dict[int, Callable[[Tensor], Any]] | None

    @classmethod
    def of(cls, array: Array, requires_grad: bool = False) -> Self:
        """A tensor of an array, which is wrapped without a copy.

        Args:
            array: of NumPy or CuPy.
            requires_grad: whether ``backward`` should store its gradient in ``grad``.

        Raises:
            TypeError: for anything but an array.
            RuntimeError: if a gradient is requested for numbers that are not floating point.
        """
        if type(array) is not ndarray:
            array = _checked(array)
        out = _new(cls)
        out.array = array
        out._requires_grad = False
        out._grad = None
        out._grad_fn = None
        out.output_index = 0
        out.version = Version()
        out.view_of = None
        out.hooks = None
        if requires_grad:
            out.requires_grad_()
        return out

    # ------------------------------------------------------------------------ what it is

    @property
    def shape(self) -> Size:
        return tuple.__new__(Size, self.array.shape)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> DType:
        return OF_NUMPY[self.array.dtype]

    @property
    def device(self) -> Device:
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor without history.

        Writes to it are not noticed by gradients that need the old values: prefer ``detach()``.
        Assigning a tensor makes this one show the other's memory; the history stays.

        Raises:
            TypeError: if it is assigned anything but a tensor.
            RuntimeError: if integers are assigned to a tensor that requires a gradient.
        """
        out = Tensor.of(self.array)
        out.version.behind = self.version
        return out

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Tensor):
            raise TypeError(f"data must be a tensor, got {type(new).__name__}")
        if self.requires_grad and not is_floating(new.array.dtype):
            raise RuntimeError(
                "data of a tensor that requires a gradient must be floating point, "
                f"got {new.array.dtype}"
            )
        self.array = new.array

    @overload
    def size(self, dim: None = None) -> Size: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: builtins.int | None = None) -> Size | builtins.int:
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self.array.size

    def element_size(self) -> int:
        """The bytes of one element."""
        return self.array.itemsize

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind())

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self.array.ndim else self

    __hash__ = object.__hash__  # not id, as in torch: a method in Python slows the engine down

    def __repr__(self) -> str:
        from .printing import tensor_text

        return tensor_text(self, "tensor")

    def _repr_html_(self) -> str | None:
        from .html import tensor_html

        return tensor_html(self)

    def __format__(self, spec: str) -> str:
        """Formats one number like a Python number (``f"{loss:.4f}"``).

        Raises:
            TypeError: for a format of a tensor with dimensions.
        """
        if self.array.ndim == 0:
            return format(self.item(), spec)
        return super().__format__(spec)

    # ------------------------------------------------------------------------ its numbers

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The NumPy array of a CPU tensor, sharing its memory.

        Args:
            force: also of a tensor that requires a gradient or is on a GPU, which is copied.

        Raises:
            RuntimeError: if the tensor requires a gradient.
            TypeError: if it is on a GPU.
        """
        if force:
            return to_device(self.array, CPU)
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

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Tensor:
        """What NumPy's functions make of a tensor is a tensor; truth values as uint8, as in torch."""
        return Tensor.of(array.astype(np.uint8) if array.dtype == np.bool_ else array)

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
            raise RuntimeError(
                f"item() expects a tensor of one element, got shape {tuple(self.shape)}"
            )
        return self.array.item()

    def tolist(self) -> list[Any] | builtins.float:
        """The numbers as nested lists."""
        return self.array.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "biu" or self.array.size != 1:
            raise TypeError(
                "an index must be an integer tensor of one element, "
                f"got {self.array.dtype} of shape {tuple(self.shape)}"
            )
        return int(self.item())

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                "Boolean value of Tensor with more than one value or none is ambiguous, got shape "
                f"{tuple(self.shape)}"
            )
        return bool(self.item())

    # ------------------------------------------------------------------------ its gradient

    @property
    def requires_grad(self) -> bool:
        """Whether ``backward`` computes a gradient for it, or for something it was computed from."""
        view = self.view_of
        return self._requires_grad or (view is not None and view.base_requires_grad())

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self.requires_grad_(requires_grad)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Turns the gradient on or off; for leaves only."""
        if requires_grad and not is_floating(self.array.dtype):
            raise RuntimeError(
                f"only floating-point tensors can require a gradient, got {self.array.dtype}"
            )
        if not requires_grad and self.grad_fn is not None:
            raise RuntimeError("only leaves can stop requiring a gradient: use x.detach()")
        self._requires_grad = requires_grad
        return self

    @property
    def grad_fn(self) -> Function | None:
        """The operation that computed it, a node of the graph; None for a leaf."""
        if self.view_of is not None:
            self.refresh_history()
        return self._grad_fn

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` has added up, or None.

        Raises:
            TypeError: if it is assigned anything but a tensor or None.
            RuntimeError: if the gradient has another shape, dtype or device than the tensor.
        """
        return self._grad

    @grad.setter
    def grad(self, grad: Tensor | None) -> None:
        if grad is not None:
            self._check_grad(grad)
        self._grad = grad

    def _check_grad(self, grad: Any) -> None:
        if not isinstance(grad, Tensor):
            raise TypeError(f"grad must be a tensor or None, got {type(grad).__name__}")
        if grad is self:
            raise RuntimeError("a tensor cannot be its own grad")
        ours, theirs = self.array, grad.array
        for what, our, their in (
            ("shape", ours.shape, theirs.shape),
            ("dtype", ours.dtype, theirs.dtype),
            ("device", self.device, grad.device),
        ):
            if our != their:
                raise RuntimeError(f"grad must have the tensor's {what} {our}, got {their}")

    def detach(self) -> Tensor:
        """A tensor on the same memory without history."""
        out = Tensor.of(self.array)
        out.version = self.version
        return out

    def as_subclass(self, cls: ClassOf[Kind]) -> Kind:
        """A tensor of another class on the same memory and with the same history."""
        out = cls.of(self.array)
        out.version = self.version
        if self.requires_grad:
            out.adopt_history(Tensor.view(self, self.shape))
        return out

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Calls ``hook(grad)`` whenever this tensor's gradient is complete.

        If the hook does not return None, its result replaces the gradient.

        Raises:
            RuntimeError: if the tensor requires no gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook expects a tensor that requires a gradient")
        hooks = self._own_hooks()
        handle = RemovableHandle(hooks, hook)
        for key, other in list(hooks.items())[:-1]:
            if isinstance(other, RetainGrad):  # stays the last one
                hooks[key] = hooks.pop(key)
        return handle

    def _own_hooks(self) -> dict[int, Callable[[Tensor], Any]]:
        """The hooks on the gradient of this tensor, in the order in which they run."""
        node = self.grad_fn
        if node is not None:
            return node.output_hooks.setdefault(self.output_index, {})
        self.hooks = {} if self.hooks is None else self.hooks
        return self.hooks

    def register_post_accumulate_grad_hook(
        self, hook: Callable[[Tensor], object]
    ) -> RemovableHandle:
        """Calls ``hook(tensor)`` whenever ``backward`` has added to the ``grad`` of this leaf.

        Raises:
            RuntimeError: if the tensor is not a leaf, or requires no gradient.
        """
        if self.grad_fn is not None or not self.requires_grad:
            raise RuntimeError(
                "register_post_accumulate_grad_hook expects a leaf that requires a gradient"
            )
        return RemovableHandle(self.__dict__.setdefault("after_accumulation", {}), hook)

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is not a leaf in its ``grad`` as well.

        Raises:
            RuntimeError: if the tensor requires no gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("retain_grad expects a tensor that requires a gradient")
        if self.grad_fn is not None and not self.retains_grad:
            RemovableHandle(self._own_hooks(), RetainGrad(self))

    @property
    def retains_grad(self) -> bool:
        """Whether ``retain_grad`` was called on this tensor, which is not a leaf."""
        hooks = () if self.grad_fn is None else self._own_hooks().values()
        return any(isinstance(hook, RetainGrad) and hook.reference() is self for hook in hooks)

    # ------------------------------------------------------------------------ changes in place

    def bump_version(self) -> None:
        """Notes a write to the memory; gradients that need the old values then raise an error."""
        self.version.bump()

    def refresh_history(self) -> None:
        """Recomputes a view's ``grad_fn`` if a recorded change in place gave its base a new one.

        Raises:
            RuntimeError: for a view that forbids such changes, as ``unbind`` returns.
        """
        view = self.view_of
        if view is None:
            return
        if view.restriction is not None:
            view.check_unchanged(self.version)
        if view.base is None or view.rewrites_seen == self.version.rewrites:
            return
        view.rewrites_seen = self.version.rewrites
        if view.base_requires_grad():
            self.adopt_history(view.take())

    def forget_history(self) -> Tensor:
        """Makes this tensor, a view or not, a leaf that requires no gradient."""
        self._requires_grad, self._grad_fn, self.view_of = False, None, None
        return self

    def adopt_history(self, source: Tensor) -> None:
        """Takes over the history of another tensor; ``retain_grad`` keeps working."""
        old, index = self._grad_fn, self.output_index
        self._requires_grad = source._requires_grad
        self._grad_fn, self.output_index = source._grad_fn, source.output_index
        hooks = {} if old is None else old.output_hooks.get(index, {})
        for key, hook in list(hooks.items()):
            if isinstance(hook, RetainGrad) and hook.reference() is self:
                del hooks[key]
                self.retain_grad()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError("only leaves can be deep-copied: use x.detach()")
        copy = type(self).of(self.array.copy(order="K"), self.requires_grad)
        copy._grad = None if self._grad is None else self._grad.clone()
        if self.version.shape_in_torch is not None:
            copy.version.shape_in_torch = self.version.shape_in_torch
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
    return cls.of(array, requires_grad)

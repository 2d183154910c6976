"""Parametrizations: a parameter computed by modules from other parameters, its originals.

``register_parametrization`` moves a parameter ``weight`` of a module to
``module.parametrizations.weight.original`` (several of them are ``original0``, ``original1``, …) and
gives the module a class of its own with a property ``weight``, which computes it. Names, keys of the
state and errors are those of ``torch.nn.utils.parametrize``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from ...autograd import no_grad
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]


class _Cache:
    """What parametrizations gave within the outermost ``with cached():``."""

    def __init__(self) -> None:
        self.depth = 0
        self.values: dict[tuple[int, str], Tensor] = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized parameter only once within the ``with`` block."""
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one parameter, in the order they are applied, and its originals.

    Args:
        modules: at least one.
        original: the parameter or buffer.
        unsafe: whether the result may have another shape or dtype than the parameter.

    Raises:
        ValueError: without modules, or for a result of another shape or dtype.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList expects one or more modules, got none")
        super().__init__(modules)
        self.unsafe = unsafe
        values = self._inverted(original, needs_inverse=False)
        self.is_tensor = isinstance(values, Tensor)
        self.ntensors = 1 if isinstance(values, Tensor) else len(values)
        if isinstance(values, Tensor):
            if values.dtype != original.dtype:
                raise ValueError(
                    f"right_inverse may not change the dtype of a tensor, got {values.dtype} "
                    f"for {original.dtype}"
                )
            _overwrite(original, values)  # the optimizer knows this tensor
            _register(self, "original", original)
        else:
            for i, value in enumerate(values):
                value = value.detach()
                if isinstance(original, Parameter):
                    value = Parameter(value, original.requires_grad)
                _register(self, f"original{i}", value)
        if not unsafe:
            _check_result("a parametrization", self(), original)

    @no_grad()
    def _inverted(self, value: Any, needs_inverse: bool) -> Tensor | Sequence[Tensor]:
        """The originals that give ``value``; where there is no inverse, ``value`` itself."""
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                try:
                    value = module.right_inverse(value)
                except NotImplementedError:
                    if needs_inverse:
                        raise
            elif needs_inverse:
                raise RuntimeError(f"{type(module).__name__} has no right_inverse")
        if not isinstance(value, (Tensor, Sequence)):
            raise ValueError(  # noqa: TRY004 -- as torch
                f"right_inverse must return a tensor or several, got {type(value).__name__}"
            )
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that they give ``value``.

        Raises:
            RuntimeError: if a parametrization has no ``right_inverse``.
            ValueError: if it returns another number of tensors, or other dtypes, than at first.
        """
        values = self._inverted(value, needs_inverse=True)
        listed = [values] if isinstance(values, Tensor) else list(values)
        if self.is_tensor != isinstance(values, Tensor) or len(listed) != self.ntensors:
            raise ValueError(
                f"right_inverse must return {self.ntensors} tensors, got {len(listed)}"
            )
        for original, new in zip(self._originals(), listed, strict=True):
            if original.dtype != new.dtype:
                raise ValueError(f"right_inverse must return {original.dtype}, got {new.dtype}")
            _overwrite(original, new)

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        """The parameter."""
        first, *rest = self
        x = first(*self._originals())
        for module in rest:
            x = module(x)
        return x


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _overwrite(tensor: Tensor, new: Tensor) -> None:
    if tensor is new:
        return
    with no_grad():
        if tensor.shape == new.shape:
            tensor.copy_(new)
        else:
            tensor.array = new.array


def _check_result(what: str, result: Any, wanted: Tensor) -> None:
    """Raises a ValueError unless ``result`` has the shape and dtype of ``wanted``."""
    if not isinstance(result, Tensor):
        raise ValueError(  # noqa: TRY004 -- as torch
            f"{what} must return a tensor, got {type(result).__name__}"
        )
    for kind in ("dtype", "shape"):
        found, expected = getattr(result, kind), getattr(wanted, kind)
        if found != expected:
            raise ValueError(
                f"{what} may not change the {kind} of a tensor unless unsafe=True, got {found} "
                f"for {expected}"
            )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer by a module from now on.

    Args:
        module: the owner of the parameter.
        tensor_name: its name.
        parametrization: takes the original and returns the parameter. ``right_inverse``, if it has
            one, takes the parameter and returns the original, or several.
        unsafe: whether the result may have another shape or dtype.

    Returns:
        ``module``.

    Raises:
        ValueError: if the module has no such tensor, or for a result of another shape or dtype.

    As ``torch.nn.utils.parametrize.register_parametrization``.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_composition(parametrization, getattr(module, tensor_name))
        existing = module.parametrizations[tensor_name]
        existing.append(parametrization)
        existing.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(f"{type(module).__name__} has no parameter or buffer {tensor_name!r}")
    parametrizations = ParametrizationList(
        [parametrization], getattr(module, tensor_name), unsafe=unsafe
    )
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _give_own_class(module)
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = parametrizations
    return module


def _check_composition(parametrization: Module, tensor: Tensor) -> None:
    result = parametrization(tensor)
    _check_result("a parametrization", result, tensor)
    if hasattr(parametrization, "right_inverse"):
        try:
            inverse = parametrization.right_inverse(result)
        except NotImplementedError:
            return
        _check_result("right_inverse", inverse, tensor)


def _give_own_class(module: Module) -> None:
    """A subclass for this one module, for properties that only it has."""
    cls = type(module)

    def refuse_state(self: Module) -> NoReturn:
        raise RuntimeError("parametrized modules cannot be pickled: use state_dict()")

    def deep_copy(self: Module, memo: dict[int, Any]) -> Module:
        replica = cls.__new__(type(self))
        memo[id(self)] = replica
        replica.__dict__ = copy.deepcopy(self.__dict__, memo)
        return replica

    methods: dict[str, Any] = {"__getstate__": refuse_state, "__module__": cls.__module__}
    if not hasattr(cls, "__deepcopy__"):
        methods["__deepcopy__"] = deep_copy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), methods)


def _computed(name: str) -> property:
    """The property that computes a parameter, and sets its originals."""

    def get(self: Module) -> Tensor:
        parametrization = self.parametrizations[name]
        if not _cache.depth:
            return parametrization()
        key = id(self), name
        if key not in _cache.values:
            _cache.values[key] = parametrization()
        return _cache.values[key]

    def set_(self: Module, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, set_)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations: of this tensor, or of any."""
    parametrizations = module._modules.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    if tensor_name is None:
        return len(parametrizations) > 0
    return tensor_name in parametrizations


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a computed tensor a parameter or buffer again.

    Args:
        module: the owner of the tensor.
        tensor_name: its name.
        leave_parametrized: whether it keeps the computed values, instead of those of its original.

    Returns:
        ``module``.

    Raises:
        ValueError: if the tensor is not parametrized; or, without ``leave_parametrized``, if it has
            several originals.

    As ``torch.nn.utils.parametrize.remove_parametrizations``.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"{type(module).__name__} has no parametrization of {tensor_name!r}")
    parametrizations = module.parametrizations[tensor_name]
    if not parametrizations.is_tensor and not leave_parametrized:
        raise ValueError(
            "leave_parametrized=False expects a parametrization with one original, "
            f"got {parametrizations.ntensors}"
        )
    if parametrizations.is_tensor:
        tensor = parametrizations.original
        if leave_parametrized:
            with no_grad():
                _overwrite(tensor, getattr(module, tensor_name))
    else:
        tensor = getattr(module, tensor_name)
        tensor = Parameter(tensor.detach()) if tensor.requires_grad else tensor
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type_before_parametrizations(module)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class that a module had before it was parametrized."""
    cls = type(module)
    return cls.__bases__[0] if cls.__name__.startswith("Parametrized") else cls

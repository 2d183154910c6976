"""Module: the base class of every layer and network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..no_tensor import refuse
from ..tensor import Tensor
from .conversion import ConversionMethods
from .hooks import HookMethods, watch_backward
from .parameter import Buffer, Parameter
from .state import IncompatibleKeys, collect_state, load_state

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Module"]


def _no_forward(self: Module, *args: Any, **kwargs: Any) -> Any:
    """Compute the output; every subclass defines it."""
    raise NotImplementedError(f"{type(self).__name__} has no forward()")


class Module(ConversionMethods, HookMethods):
    """A part of a network: it owns parameters, buffers and other modules, and computes ``forward``.

    Subclasses call ``super().__init__()``, assign parameters and modules as attributes and define
    ``forward``. As ``torch.nn.Module``.
    """

    training: bool = True
    _version = 1  # of the module's entries in a state_dict, as in torch
    # Declared as an attribute, as in torch: a subclass's forward may have any signature.
    forward: Callable[..., Any] = _no_forward
    # Buffers that old files lack; load_state_dict keeps their values instead of raising.
    _optional_buffers: frozenset[str] = frozenset()

    def __init__(self) -> None:
        # Not `self.training = …`: __setattr__ needs the dictionaries that are created here.
        self.__dict__.update(
            training=True,
            _parameters=OrderedDict(),
            _buffers=OrderedDict(),
            _modules=OrderedDict(),
            _non_persistent_buffers=set(),
            _forward_pre_hooks=OrderedDict(),
            _forward_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes over the attributes in a pickle, which may lack those of hooks."""
        Module.__init__(self)
        self.__dict__.update(state)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs ``forward``, and the hooks before and after it.

        Raises:
            TypeError: if one of minicnn's layers gets something else than a tensor.
        """
        try:
            if not (
                self._forward_pre_hooks
                or self._forward_hooks
                or self._backward_hooks
                or self._backward_pre_hooks
            ):
                return self.forward(*args, **kwargs)
            return self._call_with_hooks(args, kwargs)
        except (AttributeError, TypeError) as error:
            if type(self).__module__.startswith("minicnn."):
                refuse(type(self).__name__, error, args, kwargs)
            raise

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook, with_kwargs in tuple(self._forward_pre_hooks.values()):
            answer = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if answer is not None and with_kwargs:
                args, kwargs = answer
            elif answer is not None:
                args = answer if isinstance(answer, tuple) else (answer,)
        out = None
        try:
            if self._backward_hooks or self._backward_pre_hooks:
                out = watch_backward(self, self.forward, args, kwargs)
            else:
                out = self.forward(*args, **kwargs)
            for hook, with_kwargs in tuple(self._forward_hooks.values()):
                answer = hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
                out = out if answer is None else answer
        except Exception:
            for hook, with_kwargs in tuple(self._forward_hooks_always_called.values()):
                hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
            raise
        return out

    # ------------------------------------------------------------------ attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Parameter, Module)) and "_parameters" not in self.__dict__:
            raise AttributeError(
                f"cannot assign a {type(value).__name__} to {name!r} before Module.__init__() call"
            )
        if isinstance(value, Parameter):
            self._forget(name, but="_parameters")
            self.register_parameter(name, value)
            return
        if isinstance(value, Buffer):
            self._forget(name, but="_buffers")
            self.register_buffer(name, value, value._persistent)  # type: ignore[arg-type, attr-defined]
            return
        for store, kind in (("_parameters", Parameter), ("_modules", Module), ("_buffers", Tensor)):
            owned = self.__dict__.get(store, {})
            if name in owned:
                if value is not None and not isinstance(value, kind):
                    raise TypeError(
                        f"{type(self).__name__}.{name} takes a {kind.__name__} or None, "
                        f"got {type(value).__name__}"
                    )
                owned[name] = value
                return
        if isinstance(value, Module):
            self._forget(name, but="_modules")
            self._modules[name] = value
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name: str, but: str) -> None:
        """Remove attribute ``name`` wherever it is stored, except in ``but``."""
        for store in {"_parameters", "_modules", "_buffers"} - {but}:
            self.__dict__[store].pop(name, None)
        self.__dict__.pop(name, None)
        self._non_persistent_buffers.discard(name)

    def __getattr__(self, name: str) -> Any:
        """The parameter, buffer or module of this name."""
        for store in ("_parameters", "_buffers", "_modules"):
            owned = self.__dict__.get(store, {})
            if name in owned:
                return owned[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for store in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__[store]:
                del self.__dict__[store][name]
                self._non_persistent_buffers.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        owned = [*self._parameters, *self._buffers, *self._modules]
        return sorted({*super().__dir__(), *owned})

    def _check_new_name(self, name: str, kind: str, store: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a {kind} must be a string, got {name!r}")
        if name == "" or "." in name:
            raise KeyError(f'the name of a {kind} cannot be empty or contain ".", got {name!r}')
        if hasattr(self, name) and name not in self.__dict__[store]:
            raise KeyError(f"attribute {name!r} already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; None reserves the name without a key in ``state_dict``."""
        self._check_new_name(name, "parameter", "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"parameter {name!r} must be a Parameter or None, got {type(param)}")
        if param is not None and not param.is_leaf:
            raise ValueError(f"parameter {name!r} must be a leaf, but it is the result of an op")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not trained, such as a running mean.

        Only persistent buffers are part of ``state_dict``.
        """
        self._check_new_name(name, "buffer", "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"buffer {name!r} must be a Tensor or None, got {type(tensor)}")
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers.discard(name)
        else:
            self._non_persistent_buffers.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under ``name``."""
        if module is not None and not isinstance(module, Module):
            is_class = isinstance(module, type)
            got = (
                f"the class {module.__name__}: write {module.__name__}()"
                if is_class
                else type(module)
            )
            raise TypeError(f"module {name!r} must be a Module or None, got {got}")
        self._check_new_name(name, "module", "_modules")
        self._modules[name] = module

    register_module = add_module

    # ------------------------------------------------------------------ walking the tree

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Pairs of name and module: this one under ``prefix``, then all below it, depth first.

        A module that is used in several places comes once, unless ``remove_duplicate`` is False.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, path, remove_duplicate)

    def _named_members(
        self, store: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        seen: set[int] = set()
        for path, module in modules:
            for name, member in module.__dict__[store].items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Pairs of name and parameter; a shared parameter comes once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Pairs of name and buffer; a shared buffer comes once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Pairs of name and module, one level deep, each module once."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; what an optimizer takes."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once unless ``remove_duplicate`` is False."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def children(self) -> Iterator[Module]:
        """The modules one level below, each once."""
        for _, child in self.named_children():
            yield child

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path such as ``"features.0"``; AttributeError if absent."""
        module = self
        for name in target.split(".") if target else []:
            child = module._modules.get(name)
            if child is None:
                raise AttributeError(
                    f"{type(module).__name__} has no submodule {name!r} ({target!r})"
                )
            module = child
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path such as ``"features.0"``.

        Raises:
            ValueError: for an empty path.
            AttributeError: if the module above is absent, or with ``strict`` the one to replace.
        """
        if not target:
            raise ValueError("set_submodule expects the path of a module, got an empty one")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and name not in parent._modules:
            raise AttributeError(f"{type(parent).__name__} has no submodule {name!r} ({target!r})")
        setattr(parent, name, module)

    def _get_member(self, store: str, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        member = self.get_submodule(path).__dict__[store].get(name)
        if member is None:
            raise AttributeError(f"{type(self).__name__} has no {kind} {target!r}")
        return member

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path such as ``"features.0.weight"``."""
        return self._get_member("_parameters", "parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path such as ``"bn1.running_mean"``."""
        return self._get_member("_buffers", "buffer", target)

    # ------------------------------------------------------------------ state

    def state_dict(
        self,
        *args: Any,
        destination: OrderedDict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> OrderedDict[str, Any]:
        """Parameters and persistent buffers by dotted name, in torch's order.

        The tensors are detached but share memory with the module: copy them before you train
        further. ``keep_vars`` returns the parameters themselves. They are put into ``destination``
        if there is one. The arguments may be given by position, as in old scripts.
        """
        if args:
            rest: tuple[Any, ...] = (destination, prefix, keep_vars)
            destination, prefix, keep_vars = (*args, *rest[len(args) :])
        return collect_state(self, prefix, keep_vars, destination)

    def load_state_dict(
        self,
        state_dict: Mapping[str, Tensor | np.ndarray],
        strict: bool = True,
        assign: bool = False,
    ) -> IncompatibleKeys:
        """Copy tensors or NumPy arrays into parameters and buffers by name.

        The module's own tensors keep their memory layout, dtype and device. A missing
        ``num_batches_tracked`` is never an error: files from before torch 0.4.1 lack it.

        Args:
            state_dict: values by the names of ``state_dict()``.
            strict: whether missing and unexpected names are errors; a wrong shape always is one.
            assign: the module's tensors take over the memory of the values, with dtype and device.

        Returns:
            The missing and the unexpected keys.

        Raises:
            RuntimeError: listing every key that does not fit. Unlike torch, nothing is copied
                then: a failed load leaves the module unchanged.
        """
        return load_state(self, state_dict, strict, assign)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients, or fill them with zeros."""
        for param in self.parameters():
            if set_to_none or param.grad is None:
                param.grad = None
            else:
                param.grad.forget_history().zero_()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze all parameters."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    # ------------------------------------------------------------------ mode

    def train(self, mode: bool = True) -> Self:
        """Set training mode for this module and all below it; dropout and batch norm depend on it."""
        if not isinstance(mode, bool):
            raise ValueError(  # noqa: TRY004 -- as torch
                f"training mode is expected to be boolean, got {mode!r}"
            )
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode: ``train(False)``."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below and then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: modules run as they are written."""

    # ------------------------------------------------------------------ text

    def extra_repr(self) -> str:
        """The text between the parentheses of ``repr``."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [
            f"({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self._modules.items()
        ]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"

    def _repr_html_(self) -> str | None:
        from ..html import module_html

        return module_html(self)

"""The base class of all optimizers: parameter groups, state, and saving and loading both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np

from .. import kernels
from ..autograd import enable_grad
from ..devices import Device, current_device_of, xp_of
from ..ops.elementwise import neg
from ..ops.half_copy import kept_half_copy, mark_half_copy_current
from ..tensor import Tensor
from ..typing import Array

Loss = TypeVar("Loss")
# tensors, pairs of name and tensor, or dicts of groups
Params: TypeAlias = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
Scaling = tuple[Array, Array]  # inverse_scale and found_inf, see Optimizer.apply_gradients


class Optimizer:
    """Base class; an optimizer implements :meth:`update` and passes its defaults here.

    Args:
        params: tensors, or dicts with a list ``params`` and the options of that group; in a fixed
            order. Pairs of name and tensor, as of ``named_parameters()``, do for tensors.
        defaults: options of groups that do not set their own.

    Attributes:
        param_groups: one dict per group: ``params``, their ``param_names`` if they were given, and
            the options, which may be changed any time.
        state: for each parameter, a dict of what the optimizer remembers.

    Raises:
        TypeError: for a tensor instead of a list of tensors, or a list with anything but tensors.
        ValueError: for no parameters, a tensor computed from others, the same tensor twice, or
            names for some of the tensors only.

    As ``torch.optim.Optimizer``. One deviation: a tensor twice in one group raises; torch warns and
    updates it twice.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self.step_called = False  # schedules warn if they are stepped before

        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {index}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with ``params`` and the options that differ from the defaults.

        Raises:
            TypeError, ValueError: as the constructor.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be in an ordered collection, but got a set: "
                "its order changes between runs. Use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [param[0] for param in params if isinstance(param, tuple)]
        params = [param[1] if isinstance(param, tuple) else param for param in params]
        self._check_names(names, params)
        named = {"param_names": names} if names else {}

        seen = {id(param) for group in self.param_groups for param in group["params"]}
        for index, param in enumerate(params):
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, "
                    f"but one of the params is {type(param).__name__}"
                )
            if not param.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
            if id(param) in seen:
                raise ValueError(
                    "each parameter may appear once in an optimizer, but some parameters appear "
                    f"in more than one parameter group or twice in one: number {index} of the "
                    f"group being added, of shape {tuple(param.shape)}"
                )
            seen.add(id(param))
        self.param_groups.append({**self.defaults, **param_group, "params": params, **named})

    def _check_names(self, names: list[str], params: list[Tensor]) -> None:
        """Raise a ValueError unless all parameters of all groups have a name, or none has."""
        if names and len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing: "
                f"got {len(names)} for {len(params)} params"
            )
        if any(("param_names" in group) != bool(names) for group in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if names else 'without'} names to the optimizer"
            )

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros in place."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                if set_to_none:
                    param.grad = None
                else:
                    param.grad.forget_history().zero_()

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], Loss]) -> Loss: ...

    def step(self, closure: Callable[[], Loss] | None = None) -> Loss | None:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients; called before the update.

        Returns:
            The result of ``closure``, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.apply_gradients()
        return loss

    @np.errstate(all="ignore")  # gradients may be infinite
    def apply_gradients(self, scaling: Scaling | None = None) -> None:
        """The update of :meth:`step`, without the closure; the gradients may be scaled.

        Args:
            scaling: (inverse_scale, found_inf), two 0-d arrays of float32 on the parameters' device.
                All gradients are multiplied by the first. If the second is not 0 they overflowed
                and the parameters do not change; the step still counts, since the CPU does not wait
                to find out.
        """
        self.step_called = True
        for group in self.param_groups:
            by_device: dict[Device, list[Tensor]] = {}
            for param in group["params"]:
                if param.grad is not None:
                    by_device.setdefault(param.device, []).append(param)
            for params in by_device.values():
                with current_device_of((params[0].array,)):
                    self.update(group, params, scaling)

    def update(self, group: dict[str, Any], params: list[Tensor], scaling: Scaling | None) -> None:
        """Update ``params`` in place: the parameters of ``group`` with a gradient, on one device.

        Subclasses call :meth:`run`, which passes ``scaling`` to the kernel.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement update()")

    def run(
        self,
        kernel: str,
        params: list[Tensor],
        states: Sequence[str | None],
        hyperparameters: Callable[[], Iterable[float]],
        scaling: Scaling | None,
        maximize: bool = False,
        **rest: Any,
    ) -> None:
        """Update ``params`` in place by a kernel.

        Args:
            kernel: its name; ``minicnn.kernels`` describes it.
            params: on one device, with gradients.
            states: names of the entries of each parameter's state that the kernel takes, or None.
            hyperparameters: a function that returns them. A CUDA graph captures a step once and
                calls only this function at each replay. So it must also update what changes from
                step to step, such as the step number.
            scaling: as for :meth:`apply_gradients`.
            maximize: whether to go up along the gradients instead of down.
            rest: further arguments of the kernel.
        """
        half_copies = [kept_half_copy(param) for param in params]

        def hyperparameters_of_a_step() -> list[float]:
            _note_step(params, half_copies)
            return [float(value) for value in hyperparameters()]

        grads = [param.grad.array for param in params if param.grad is not None]
        if maximize:
            grads = [neg(Tensor.of(grad)).array for grad in grads]
        step = getattr(kernels.of(params[0].array), kernel)
        step(
            [param.array for param in params],
            grads,
            *(name and [self.state[param][name].array for param in params] for name in states),
            hyperparameters_of_a_step,
            **rest,
            half_copies=half_copies,
            scaling=scaling,
        )
        _note_step(params, half_copies)

    def state_dict(self) -> dict[str, Any]:
        """State and groups in torch's format; the tensors are the optimizer's own, not copies.

        Returns:
            ``{"state": {index: {...}}, "param_groups": [{..., "params": [index, ...]}, ...]}``, where
            index counts the parameters over all groups.
        """
        indices: dict[Tensor, int] = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                indices[param] = len(indices)
            groups.append({**group, "params": [indices[param] for param in group["params"]]})
        # In the order of the parameters, not in the order in which they first had a gradient.
        state = {
            index: self.state[param] for param, index in indices.items() if param in self.state
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; tensors are copied.

        They get the dtype, device and memory layout of their parameter, as in torch. An option that
        is missing in ``state_dict`` keeps its value. Create schedules before loading: a new schedule
        overwrites the learning rate.

        Raises:
            ValueError: if groups, parameters or shapes differ from this optimizer's.
        """
        saved_groups = state_dict["param_groups"]
        ours = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in saved_groups]
        if len(ours) != len(theirs):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(theirs)}, this optimizer {len(ours)}"
            )
        if ours != theirs:
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                f"optimizer's group: {theirs} parameters, this optimizer {ours}"
            )

        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            for param, index in zip(group["params"], saved["params"], strict=True):
                if index in state_dict["state"]:
                    for key, value in state_dict["state"][index].items():
                        if value is None:  # torch once kept empty momentum buffers
                            continue
                        name = f"state {key!r} of parameter {index}"
                        if key == "step":  # a tensor in torch
                            state[param][key] = int(value)
                        else:
                            state[param][key] = _like_parameter(value, param, name)
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            group.update({key: deepcopy(saved[key]) for key in saved if key != "params"})
        self.state = state


def _note_step(params: list[Tensor], half_copies: list[Array | None]) -> None:
    """Records that a step changed the parameters, and their copies in half precision with them.

    Called after the kernel, for the operations that follow. Also called with the hyperparameters of
    a step, because Python runs nothing else when a CUDA graph is replayed. A copy may be outdated by
    then, for example if weights were loaded after the capture; then it is made again.
    """
    for param, copy in zip(params, half_copies, strict=True):
        if copy is not None and kept_half_copy(param) is not copy:
            copy[...] = param.array
        param.bump_version()
        if copy is not None:
            mark_half_copy_current(param, copy)


def zeros_like(param: Tensor) -> Tensor:
    """Zeros with the shape, dtype, device and memory layout of a parameter."""
    return Tensor.of(xp_of(param.array).zeros_like(param.array))


def check_lr(lr: float | Tensor) -> None:
    """Raise ValueError, in torch's words, for a learning rate below 0 or of several elements."""
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError(f"Tensor lr must be 1-element, got shape {tuple(lr.shape)}")
    check_option("learning rate", float(lr))


def check_implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """Raise RuntimeError for two of torch's implementations at once; here they are all the same."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`: got True for both")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together: got True for both")


def check_option(name: str, value: float, below: float | None = None) -> None:
    """Raise ValueError, in torch's words, unless ``0 <= value`` (and ``value < below``)."""
    if not value >= 0 or (below is not None and not value < below):
        rule = "at least 0" if below is None else f"in [0, {below})"
        raise ValueError(f"Invalid {name}: {value} (must be {rule})")


def _like_parameter(value: Any, param: Tensor, name: str) -> Any:
    """A copy of a value in the state; a tensor gets the dtype, device and layout of ``param``."""
    if not isinstance(value, Tensor) or value.ndim == 0 < param.ndim:
        return deepcopy(value)
    if value.shape != param.shape:
        raise ValueError(
            f"{name} must have the parameter's shape {tuple(param.shape)}, got shape {tuple(value.shape)}"
        )
    copy = zeros_like(param)
    copy.copy_(value.detach())
    return copy

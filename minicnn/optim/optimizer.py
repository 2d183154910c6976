"""The base class of all optimizers: parameter groups, state, and saving and loading both."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from copy import deepcopy
from typing import Any, ClassVar, TypeAlias, TypeVar, overload

import numpy as np

from .. import kernels
from ..autograd import enable_grad
from ..devices import Device, current_device_of, xp_of
from ..dtypes import default_float
from ..ops.elementwise import neg
from ..ops.half_copy import kept_half_copy, mark_half_copy_current
from ..tensor import Tensor
from ..typing import Array
from ..warn import warn
from .hooks import (
    OptimizerHooks,
    hooked,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

__all__ = [
    "Loss",
    "Optimizer",
    "Params",
    "Scaling",
    "check_betas",
    "check_implementation",
    "check_lr",
    "check_option",
    "check_state_dict",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "required",
    "zeros_like",
]

Loss = TypeVar("Loss")
# tensors, pairs of name and tensor, or dicts of groups
Params: TypeAlias = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
Scaling = tuple[Array, Array]  # inverse_scale and found_inf, see Optimizer.apply_gradients


class _Required:
    """The default of an option that every group must set."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer(OptimizerHooks):
    """Base class; an optimizer implements :meth:`update`, or :meth:`step`, and passes its defaults.

    Args:
        params: tensors, or dicts with a list ``params`` and the options of that group; in a fixed
            order. Pairs of name and tensor, as of ``named_parameters()``, do for tensors.
        defaults: options of groups that do not set their own.

    Attributes:
        param_groups: one dict per group: ``params``, their ``param_names`` if they were given, and
            the options, which may be changed any time.
        state: for each parameter, a dict of what the optimizer remembers.
        states: names of the state's tensors that have their parameter's shape.
        numbers: names of the state's numbers, which ``state_dict`` gives as 0-d tensors, as torch.

    Raises:
        TypeError: for a tensor instead of a list of tensors, or a list with anything but tensors.
        ValueError: for no parameters, a tensor computed from others, a tensor in two groups, or
            names for some of the tensors only.
        NotImplementedError: for ``differentiable=True``.

    As ``torch.optim.Optimizer``. Steps are not recorded for autograd.
    """

    states: ClassVar[tuple[str, ...]] = ()
    numbers: ClassVar[tuple[str, ...]] = ("step",)
    step_called = False  # schedules warn if they are stepped before

    def __init_subclass__(cls) -> None:
        if "step" in vars(cls):
            cls.step = hooked(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []

        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in ("defaults", "state", "param_groups")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for index, group in enumerate(self.param_groups):
            options = (f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
            text += f"\nParameter Group {index}\n" + "".join(options)
        return text + ")"

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
        self._check_tensors(params)
        missing = [
            name
            for name, default in self.defaults.items()
            if default is required and name not in param_group
        ]
        if missing:
            raise ValueError(
                "parameter group didn't specify a value of required optimization parameter "
                f"{missing[0]}"
            )
        param_group.update(params=params, **({"param_names": names} if names else {}))
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        if param_group.get("differentiable"):
            raise NotImplementedError(
                "differentiable=True: minicnn records no steps of optimizers for autograd"
            )
        self.param_groups.append(param_group)

    def _check_tensors(self, params: list[Any]) -> None:
        """Raise an error unless these are tensors that this optimizer can take as a new group."""
        others = {id(param) for group in self.param_groups for param in group["params"]}
        for index, param in enumerate(params):
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, "
                    f"but one of the params is {type(param).__name__}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
            if id(param) in others:
                raise ValueError(
                    "some parameters appear in more than one parameter group: number "
                    f"{index} of the group being added, of shape {tuple(param.shape)}"
                )
        if _has_repeats(params):
            warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "each step updates them once for every time they appear"
            )

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

    @hooked
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
    def apply_gradients(
        self, scaling: Scaling | None = None, params: Container[Tensor] | None = None
    ) -> None:
        """The update of :meth:`step`, without the closure; the gradients may be scaled.

        Args:
            scaling: (inverse_scale, found_inf), two 0-d arrays of float32 on the parameters' device.
                All gradients are multiplied by the first. If the second is not 0 they overflowed
                and the parameters do not change; the step still counts, since the CPU does not wait
                to find out.
            params: which parameters to update, by default all.
        """
        self.step_called = True
        for group in self.param_groups:
            by_device: dict[Device, list[Tensor]] = {}
            for param in group["params"]:
                if param.grad is not None and (params is None or param in params):
                    by_device.setdefault(param.device, []).append(param)
            for chosen in by_device.values():
                with current_device_of((chosen[0].array,)):
                    for members in [chosen] if not _has_repeats(chosen) else _rounds(chosen):
                        self.update(group, members, scaling)

    def has_own_step(self) -> bool:
        """Whether a step is more than :meth:`apply_gradients`: a subclass's own, or one with hooks."""
        return type(self).step is not Optimizer.step or self.has_step_hooks()

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
        grads: list[Array] | None = None,
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
            grads: what the kernel takes for gradients, by default the parameters' own.
            rest: further arguments of the kernel.
        """
        half_copies = [kept_half_copy(param) for param in params]

        def hyperparameters_of_a_step() -> list[float]:
            _note_step(params, half_copies)
            return [float(value) for value in hyperparameters()]

        if grads is None:
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
        for hook in self._hooks("state_dict_pre").values():
            hook(self)
        indices: dict[Tensor, int] = {}
        groups, count = [], 0
        for group in self.param_groups:
            for param in group["params"]:
                indices[param] = count
                count += 1
            options = {key: value for key, value in group.items() if key != "params"}
            groups.append({**options, "params": [indices[param] for param in group["params"]]})
        # In the order of the parameters, not in the order in which they first had a gradient.
        state: dict[Any, Any] = {
            index: self._packed(self.state[param])
            for param, index in indices.items()
            if param in self.state
        }
        state.update({k: v for k, v in self.state.items() if not isinstance(k, Tensor)})
        return self._replaced("state_dict_post", {"state": state, "param_groups": groups})

    def _packed(self, state: dict[str, Any]) -> dict[str, Any]:
        """A parameter's state, with the numbers as 0-d tensors."""
        return {
            key: Tensor.of(np.asarray(value, getattr(value, "dtype", default_float())))
            if key in self.numbers and not isinstance(value, Tensor)
            else value
            for key, value in state.items()
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of :meth:`state_dict`; tensors are copied.

        They get the dtype, device and memory layout of their parameter, as in torch. An option of
        the optimizer that is missing in ``state_dict`` keeps its value; what else was in the groups,
        such as a schedule's ``initial_lr``, goes. Create schedules before loading: a new schedule
        overwrites the learning rate.

        Raises:
            TypeError: for anything but a dict.
            ValueError: if it is no optimizer's state, or groups, parameters or shapes differ from
                this optimizer's.
        """
        check_state_dict(state_dict)
        state_dict = self._replaced("load_state_dict_pre", state_dict.copy())
        if not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(
                "an optimizer's state dict has 'state' and 'param_groups', got one with "
                f"{sorted(state_dict)}"
            )
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

        saved_state = dict(state_dict["state"])
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            for param, index in zip(group["params"], saved["params"], strict=True):
                for key, value in saved_state.pop(index, {}).items():
                    if value is not None:  # torch once kept empty momentum buffers
                        name = f"state {key!r} of parameter {index}"
                        state[param][key] = self._loaded(key, value, param, name)
        state.update(saved_state)  # what belongs to no parameter
        kept = {"params", "param_names", *self.defaults}
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            for key in group.keys() - saved.keys() - kept:
                del group[key]  # such as the initial_lr of a schedule that the state is older than
            group.update({key: deepcopy(saved[key]) for key in saved if key != "params"})
        self.__setstate__({"state": state, "param_groups": self.param_groups})
        for hook in self._hooks("load_state_dict_post").values():
            hook(self)

    def _loaded(self, key: str, value: Any, param: Tensor, name: str) -> Any:
        """A copy of a value in the state; a tensor gets the dtype, device and layout of ``param``."""
        if key in self.numbers:
            dtype = param.array.dtype if isinstance(value, Tensor) else default_float()
            return int(value) if key == "step" else dtype.type(float(value))
        if isinstance(value, (list, tuple)):
            return type(value)(self._loaded("", each, param, name) for each in value)
        if not isinstance(value, Tensor):
            return deepcopy(value)
        if value.shape == param.shape:
            copy = zeros_like(param)
            copy.copy_(value.detach())
            return copy
        if key in self.states:
            raise ValueError(
                f"{name} must have the parameter's shape {tuple(param.shape)}, "
                f"got shape {tuple(value.shape)}"
            )
        return value.detach().to(param.device, param.dtype, copy=True)


def _has_repeats(params: list[Tensor]) -> bool:
    return len(set(map(id, params))) < len(params)


def _rounds(params: list[Tensor]) -> list[list[Tensor]]:
    """Lists without repeats: the parameters, then those that come a second time, and so on."""
    times = Counter[Tensor]()
    rounds: list[list[Tensor]] = []
    for param in params:
        if times[param] == len(rounds):
            rounds.append([])
        rounds[times[param]].append(param)
        times[param] += 1
    return rounds


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


def check_state_dict(state_dict: object) -> None:
    """Raise TypeError for anything but a dict."""
    if not isinstance(state_dict, dict):
        raise TypeError(f"state_dict must be a dict, got {type(state_dict).__name__}")


def check_lr(lr: float | Tensor) -> None:
    """Raise ValueError, in torch's words, for a learning rate below 0 or of several elements.

    What is no number is a TypeError.
    """
    if isinstance(lr, Tensor) and lr.array.size != 1:
        raise ValueError(f"Tensor lr must be 1-element, got shape {tuple(lr.shape)}")
    _require_number("lr", lr)
    check_option("learning rate", float(lr))


def check_implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """Raise RuntimeError for two of torch's implementations at once; here they are all the same."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`: got True for both")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together: got True for both")


def check_betas(betas: tuple[Any, Any]) -> None:
    """Raise ValueError, in torch's words, unless both betas are in [0, 1)."""
    for index in range(2):
        name = f"beta parameter at index {index}"
        _require_number(name, betas[index])
        check_option(name, float(betas[index]), below=1.0)


def check_option(name: str, value: float, below: float | None = None) -> None:
    """Raise ValueError, in torch's words, unless ``0 <= value`` (and ``value < below``)."""
    _require_number(name, value)
    if not value >= 0 or (below is not None and not value < below):
        rule = "at least 0" if below is None else f"in [0, {below})"
        raise ValueError(f"Invalid {name}: {value} (must be {rule})")


def _require_number(name: str, value: object) -> None:
    """Raise TypeError for anything but a number or a tensor."""
    if not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, got {value!r}")

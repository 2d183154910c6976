"""The calls of OptimizerInfo: ten steps of every optimizer, with groups and with schedules."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_optimizers import optim_db

import minicnn as mc

from .call import Arguments, Results
from .judge import Disagreement, both_refuse, compare
from .values import described, numpy_of, ours, replaced

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
SHAPES = [(3, 4), (4,), (2, 3, 2, 2), ()]
STEPS = 10


@dataclass
class Case:
    """An optimizer with its arguments; with ``params``, a call that must fail."""

    name: str
    kwargs: dict[str, Any]
    dtype: torch.dtype = torch.float32
    seed: int = 0
    in_groups: bool = False
    schedule: Callable[[Any], Any] | None = None
    error: Any = None

    def __str__(self) -> str:
        made = f"optim.{self.name}{described(['params'], self.kwargs)}"
        if self.schedule:
            made += f" with {self.schedule.__code__.co_names} {self.schedule.__code__.co_consts}"
        groups = ", groups" * self.in_groups
        return f"{made} [{self.dtype}{groups}, {self.seed}]"

    def disagreement(self) -> Disagreement | None:
        """How minicnn differs from torch here."""
        if self.error is not None:
            found = both_refuse(lambda: self._refused(torch), lambda: self._refused(mc))
        else:
            found = compare(lambda form: self._steps(torch, form), lambda: self._steps(mc))
        if found:
            found.call = str(self)
        return found

    def _steps(self, library: Any, form: str = "") -> Results:
        """The parameters after each step, the learning rates, and the state at the end."""
        rng = np.random.default_rng(self.seed)
        arguments = Arguments(library, [], form)

        def drawn(shape: tuple[int, ...]) -> Any:
            numbers = torch.from_numpy(np.asarray(rng.standard_normal(shape))).to(self.dtype)
            return arguments.constants(numbers)

        params = [library.nn.Parameter(drawn(shape)) for shape in SHAPES]
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.02}]
        given = groups if self.in_groups else params
        optimizer = getattr(library.optim, self.name)(given, **arguments.constants(self.kwargs))
        plan = self.schedule and _with_names(self.schedule, library)(optimizer)
        found: Results = {}
        targets = [drawn(shape) for shape in SHAPES]
        for step in range(2 if self.name == "LBFGS" else STEPS):
            for i, p in enumerate(params):
                p.grad = None if (step, i) == (0, 1) else drawn(SHAPES[i])  # one has no gradient
            optimizer.step(*_closure(self.name, optimizer, params, targets))
            if plan:
                plan.step(*([1.0] if "Plateau" in type(plan).__name__ else []))
            for i, group in enumerate(optimizer.param_groups):
                found[f"lr {i} after step {step}"] = float(group["lr"])
            for i, p in enumerate(params):
                found[f"parameter {i} after step {step}"] = numpy_of(p)
        for i, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                if hasattr(value, "shape"):
                    found[f"{key} of parameter {i}"] = numpy_of(value)
        return found

    def _refused(self, library: Any) -> Any:
        known: dict[int, Any] = {}

        def parameter(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            if id(x) not in known:  # one tensor given twice stays one
                value = x.detach().clone() if library is torch else ours(x)
                known[id(x)] = library.nn.Parameter(value)
            return known[id(x)]

        sample = self.error.optimizer_error_input
        given = [torch.ones(2, 2)] if sample.params is None else sample.params
        options = Arguments(library, []).constants(sample.kwargs)
        optimizer = getattr(library.optim, self.name)(replaced(given, parameter), **options)
        if self.error.error_on.name == "STEP_ERROR":
            for p in known.values():
                p.grad = library.ones_like(p)
            optimizer.step()
        return optimizer


def _closure(name: str, optimizer: Any, params: list[Any], targets: list[Any]) -> tuple[Any, ...]:
    """The argument of ``step``: nothing, or for LBFGS the distance to the targets to the fourth."""
    if name != "LBFGS":
        return ()

    def closure() -> Any:
        optimizer.zero_grad()
        loss = sum((((p - t) ** 2) ** 2).sum() for p, t in zip(params, targets, strict=True))
        loss.backward()
        return loss

    return (closure,)


def optimizers() -> dict[str, Any]:
    """The database's optimizers that both libraries have, by name.

    Without Muon, which takes matrices alone and computes in bfloat16 in torch: optim/test_muon.py.
    """
    names = {info.name for info in optim_db if hasattr(mc.optim, info.name)} - {"Muon"}
    return {info.name: info for info in optim_db if info.name in names}


def cases(name: str, info: Any) -> Iterator[Case]:
    """All calls of one optimizer."""
    # L-BFGS decides by comparing losses: rounding sends it other ways. It takes no groups.
    searches = name == "LBFGS"
    for dtype in (torch.float64,) if searches else DTYPES:
        for number, sample in enumerate(info.optim_inputs_func("cpu", dtype)):
            for in_groups in (False,) if searches else (False, True):
                yield Case(name, sample.kwargs, dtype, number, in_groups)
    for number, schedule in enumerate(itertools.chain.from_iterable(info.scheduler_inputs)):
        names = [n for n in schedule.__code__.co_names if hasattr(torch.optim.lr_scheduler, n)]
        if all(hasattr(mc.optim.lr_scheduler, n) for n in names):
            yield Case(name, {"lr": 0.1}, torch.float64, number, schedule=schedule)
    for number, error in enumerate(info.optim_error_inputs_func("cpu", torch.float32)):
        yield Case(name, error.optimizer_error_input.kwargs, seed=number, error=error)


def _with_names(schedule: Any, library: Any) -> Callable[[Any], Any]:
    """A function of the database that finds its schedulers in ``library``."""
    names = {**schedule.__globals__, **vars(library.optim.lr_scheduler)}
    return types.FunctionType(
        schedule.__code__, names, closure=schedule.__closure__, argdefs=schedule.__defaults__
    )

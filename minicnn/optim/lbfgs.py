"""L-BFGS: a quasi-Newton method for functions that can be evaluated again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import enable_grad, no_grad
from ..ops.shape import cat
from ..tensor import Tensor
from .optimizer import Loss, Optimizer, Params, check_lr
from .strong_wolfe import Number, Point, strong_wolfe


class LBFGS(Optimizer):
    """L-BFGS: estimates the curvature from the last gradients, and steps to the minimum they suggest.

    ``step(closure)`` makes up to ``max_iter`` iterations, each of which calls the closure at least
    once; it computes the loss and its gradients, after ``zero_grad()``.

    Args:
        params: tensors, in one group.
        lr: factor of the steps, a number or a tensor of one element.
        max_iter: number of iterations of each call of ``step``.
        max_eval: number of calls of the closure after which ``step`` ends; 1.25 times ``max_iter``
            if None.
        tolerance_grad: ``step`` ends when no gradient is larger.
        tolerance_change: ``step`` ends when loss or parameters change less.
        history_size: number of gradient differences that are remembered.
        line_search_fn: "strong_wolfe" to search along each direction, or None for steps of ``lr``.

    Raises:
        ValueError: for a negative lr, or several groups.
        RuntimeError: at a step with another ``line_search_fn``.

    As ``torch.optim.LBFGS``; Nocedal & Wright 2006, "Numerical Optimization", chapters 3 and 7. The
    first parameter's state is that of all of them, as flat vectors.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups): "
                f"got {len(self.param_groups)} groups"
            )

    @no_grad()
    def step(self, closure: Callable[[], Loss]) -> Loss:  # type: ignore[override]
        """Take up to ``max_iter`` steps.

        Args:
            closure: computes the loss and its gradients.

        Returns:
            The loss before the first step.
        """
        group = self.param_groups[0]
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with enable_grad():
            first_loss = closure()
        loss, grad = _number(first_loss), self._flat_grad()
        state["func_evals"] += 1
        evaluations = 1
        if float(grad.abs().max()) <= group["tolerance_grad"]:
            return first_loss

        for iteration in range(1, group["max_iter"] + 1):
            self._turn(state, grad, group["history_size"])
            previous_loss = state["prev_loss"] = loss
            direction = state["d"]
            slope = grad @ direction
            state["t"] = lr = group["lr"]
            if state["n_iter"] == 1:
                state["t"] = min(1.0, 1.0 / grad.abs().sum()) * lr
            if slope > -group["tolerance_change"]:
                break
            start = Point(0, loss, grad, slope)
            end = self._search(closure, start, state, iteration, group["max_eval"] - evaluations)
            calls, loss, grad = end
            evaluations += calls
            state["func_evals"] += calls
            if (
                iteration == group["max_iter"]
                or evaluations >= group["max_eval"]
                or float(grad.abs().max()) <= group["tolerance_grad"]
                or float((direction * state["t"]).abs().max()) <= group["tolerance_change"]
                or abs(loss - previous_loss) < group["tolerance_change"]
            ):
                break
        return first_loss

    def _turn(self, state: dict[str, Any], grad: Tensor, history_size: int) -> None:
        """Set the next direction, ``d``, from the gradient and those before."""
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state.update(d=-grad, t=None, old_dirs=[], old_stps=[], ro=[], H_diag=1)
        else:
            _remember(state, grad, history_size)
            state["d"] = _direction(state, grad, history_size)
        state["prev_flat_grad"] = grad

    def _search(
        self,
        closure: Callable[[], Any],
        start: Point,
        state: dict[str, Any],
        iteration: int,
        evaluations_left: int,
    ) -> tuple[int, float, Tensor]:
        """Go along ``d``; the number of calls of the closure, and loss and gradient in the end."""
        group, direction = self.param_groups[0], state["d"]
        if group["line_search_fn"] is None:
            self._go(state["t"], direction)
            if iteration == group["max_iter"]:  # nobody looks at the loss
                return 0, start.loss, start.grad
            with enable_grad():
                loss = _number(closure())
            return 1, loss, self._flat_grad()
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError(
                f"only 'strong_wolfe' is supported, got line_search_fn {group['line_search_fn']!r}"
            )
        before = [param.detach().clone() for param in group["params"]]

        def at(t: Number) -> Point:
            self._go(t, direction)
            with enable_grad():
                loss = _number(closure())
            grad = self._flat_grad()
            for param, values in zip(group["params"], before, strict=True):
                param.copy_(values)
            return Point(t, loss, grad, grad @ direction)

        length = direction.abs().max()
        end, calls = strong_wolfe(at, state["t"], start, length, evaluations_left)
        state["t"] = end.t
        self._go(end.t, direction)
        return calls, end.loss, end.grad

    def _flat_grad(self) -> Tensor:
        """The gradients of all parameters in one new vector."""
        params = self.param_groups[0]["params"]
        return cat([(p.detach() * 0 if p.grad is None else p.grad).reshape(-1) for p in params])

    def _go(self, t: Number, direction: Tensor) -> None:
        """Add t times the direction to the parameters."""
        start = 0
        for param in self.param_groups[0]["params"]:
            part = direction[start : start + param.numel()]
            param.add_(part.reshape(param.shape) * t)
            start += param.numel()


def _number(loss: Any) -> float:
    return float(loss.detach() if isinstance(loss, Tensor) else loss)


def _remember(state: dict[str, Any], grad: Tensor, history_size: int) -> None:
    """Add the last step and the change of the gradient to the history, if the curvature is positive."""
    change = grad - state["prev_flat_grad"]
    step = state["d"] * state["t"]
    curvature = change @ step
    if curvature > 1e-10:
        for name, value in ("old_dirs", change), ("old_stps", step), ("ro", 1.0 / curvature):
            if len(state[name]) == history_size:
                state[name].pop(0)
            state[name].append(value)
        state["H_diag"] = curvature / (change @ change)


def _direction(state: dict[str, Any], grad: Tensor, history_size: int) -> Tensor:
    """The inverse Hessian times the negative gradient, by the two-loop recursion."""
    history = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
    factors = state.setdefault("al", [None] * history_size)
    direction = -grad
    for i, (change, step, ro) in reversed(list(enumerate(history))):
        factors[i] = (step @ direction) * ro
        direction = direction - factors[i] * change
    direction = direction * state["H_diag"]
    for i, (change, step, ro) in enumerate(history):
        direction = direction + (factors[i] - (change @ direction) * ro) * step
    return direction

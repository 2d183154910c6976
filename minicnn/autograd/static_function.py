"""Functions in torch's form: a static ``forward(ctx, *inputs)`` that is given tensors.

``ctx`` is the node of the graph. ``forward`` runs without recording, so it may use any operation.
"""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .function import Function
from .grad_mode import no_grad

__all__ = ["adapt"]


def adapt(cls: type[Function]) -> None:
    """Lets the static methods of a class work with tensors, although ``Function`` has arrays."""
    cls.given_forward = staticmethod(vars(cls)["forward"].__func__)  # type: ignore[attr-defined]
    for name, method in vars(_StaticForm).items():
        if not name.startswith("__"):
            setattr(cls, name, method)


class _StaticForm:
    """What takes the place of ``Function``'s own methods."""

    @classmethod
    def apply(cls: Any, *inputs: Any) -> object:
        """Runs the operation, and records it if a tensor requires a gradient."""
        notes: dict[str, Any] = {"inputs": inputs, "dirty": (), "constant": ()}
        out = Function.apply.__func__(cls, *inputs, notes=notes)  # type: ignore[attr-defined]
        results = tuple(
            _finished(result, notes) for result in (out if isinstance(out, tuple) else (out,))
        )
        return results if isinstance(out, tuple) else results[0]

    def forward(self: Any, *arrays: Any, notes: dict[str, Any]) -> object:
        self.notes, inputs = notes, notes["inputs"]
        with no_grad():
            setup = getattr(type(self), "setup_context", None)
            out = self.given_forward(*inputs) if setup else self.given_forward(self, *inputs)
            if setup:
                setup(self, inputs, out)
        del self.notes
        arrays_of = [x.array if isinstance(x, Tensor) else x for x in _as_tuple(out)]
        return tuple(arrays_of) if isinstance(out, tuple) else arrays_of[0]

    def save_for_backward(self: Any, *tensors: Any) -> None:
        """Keeps tensors for ``backward``, as ``saved_tensors``."""
        values = [x.array if isinstance(x, Tensor) else x for x in tensors]
        Function.save_for_backward(self, *values)

    def mark_dirty(self: Any, *tensors: Any) -> None:
        """Notes the inputs that ``forward`` changed in place and returns."""
        self.notes["dirty"] = tensors

    def mark_non_differentiable(self: Any, *tensors: Any) -> None:
        """Notes the outputs that have no gradient."""
        self.notes["constant"] = tensors

    def set_materialize_grads(self: Any, value: bool) -> None:
        """False: ``backward`` gets None, not zeros, for an output that was not used."""
        self.materialize_grads = value


def _finished(result: Tensor, notes: dict[str, Any]) -> Tensor:
    """One of the results: the very input that was changed in place, or without a gradient."""
    if any(x.array is result.array for x in notes["constant"]):
        return result.forget_history()
    for x in notes["inputs"]:
        if not isinstance(x, Tensor) or x.array is not result.array:
            continue
        if not any(x is dirty for dirty in notes["dirty"]):
            result.version = x.version
        elif result._grad_fn is None:
            return x
        elif x.is_leaf and x.requires_grad:
            raise RuntimeError(
                "a leaf that requires a gradient was marked as changed in place, "
                f"of shape {x.array.shape}"
            )
        else:
            x.adopt_history(result)
            return x
    return result


def _as_tuple(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


Function.adapt_static = staticmethod(adapt)  # type: ignore[assignment]

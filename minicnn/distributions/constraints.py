"""What values a parameter or a sample may have."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor

__all__ = ["Constraint"]


class Constraint:
    """A rule for tensors.

    Args:
        name: what torch prints.
        check: returns whether each value keeps the rule.
        event_dim: how many last dimensions make one value.
    """

    def __init__(self, name: str, check: Callable[[Tensor], Tensor], event_dim: int = 0) -> None:
        self._name = name
        self.check = check
        self.event_dim = event_dim

    def __repr__(self) -> str:
        return self._name


def _number(x: Tensor) -> Tensor:
    return x == x  # noqa: PLR0124  false for NaN


def _sums_to_one(x: Tensor) -> Tensor:
    return (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6)


def _one_hot(x: Tensor) -> Tensor:
    return ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)


def _lower_cholesky(x: Tensor) -> Tensor:
    lower = (x.tril() == x).flatten(-2).all(-1)
    return lower & (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


def _positive_definite(x: Tensor) -> Tensor:
    from ..linalg import eigvalsh  # only this rule needs it

    symmetric = ((x - x.mT).abs() <= 1e-6).flatten(-2).all(-1)
    return symmetric & (eigvalsh(x.detach()) > 0).all(-1)


def greater_than_eq(lower: Tensor | float) -> Constraint:
    """x ≥ lower."""
    return Constraint(f"GreaterThanEq(lower_bound={lower})", lambda x: x >= lower)


def interval(lower: Tensor | float, upper: Tensor | float) -> Constraint:
    """lower ≤ x ≤ upper."""
    name = f"Interval(lower_bound={lower}, upper_bound={upper})"
    return Constraint(name, lambda x: (x >= lower) & (x <= upper))


def integer_interval(lower: int, upper: int) -> Constraint:
    """Whole numbers from lower to upper."""
    name = f"IntegerInterval(lower_bound={lower}, upper_bound={upper})"
    return Constraint(name, lambda x: (x % 1 == 0) & (x >= lower) & (x <= upper))


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """All values of the last dimensions keep a rule."""
    dims = tuple(range(-reinterpreted_batch_ndims, 0))
    return Constraint(
        f"IndependentConstraint({base_constraint}, {reinterpreted_batch_ndims})",
        lambda x: base_constraint.check(x).all(dims),
        base_constraint.event_dim + reinterpreted_batch_ndims,
    )


real = Constraint("Real()", _number)
positive = Constraint("GreaterThan(lower_bound=0.0)", lambda x: x > 0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1))
real_vector = independent(real, 1)
simplex = Constraint("Simplex()", _sums_to_one, 1)
one_hot = Constraint("OneHot()", _one_hot, 1)
lower_cholesky = Constraint("LowerCholesky()", _lower_cholesky, 2)
positive_definite = Constraint("PositiveDefinite()", _positive_definite, 2)

"""Random programs of views and changes in place, run with minicnn and with PyTorch.

A program is a list of steps on a growing list of tensors. After each step the numbers of all
tensors are compared, and whether the step raised an error; at the end, the gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs.profile import SETTINGS

import minicnn as mc
import minicnn.nn.functional as F

ERRORS = (RuntimeError, IndexError, TypeError)

# x and y are tensors of the program, k is a small number
VIEWS: dict[str, Callable[..., Any]] = {
    "select": lambda x, y, k: x[k % 2],
    "rows": lambda x, y, k: x[k % 2 :],
    "columns": lambda x, y, k: x[..., : 1 + k % 2],
    "every second": lambda x, y, k: x[::2],
    "transpose": lambda x, y, k: x.transpose(0, 1),
    "reshape": lambda x, y, k: x.reshape(-1),
    "matrix": lambda x, y, k: x.reshape(2, -1),
    "unsqueeze": lambda x, y, k: x.unsqueeze(k % 2),
    "squeeze": lambda x, y, k: x.squeeze(),
    "expand": lambda x, y, k: x.expand(2, *x.shape),
    "split": lambda x, y, k: x.split(1)[k % 2],
    "chunk": lambda x, y, k: x.chunk(2, -1)[k % 2],
    "unbind": lambda x, y, k: x.unbind()[k % 2],
    "detach": lambda x, y, k: x.detach(),
    "data": lambda x, y, k: x.data,
}
RESULTS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y, k: x + y,
    "mul": lambda x, y, k: x * y,
    "sub": lambda x, y, k: x - y * k,
    "div": lambda x, y, k: x / (y * y + 1),
    "square": lambda x, y, k: x * x,
    "exp": lambda x, y, k: (x * 0.5).exp(),
    "sigmoid": lambda x, y, k: x.sigmoid(),
    "tanh": lambda x, y, k: x.tanh(),
    "relu": lambda x, y, k: x.relu(),
    "sqrt": lambda x, y, k: (x * x + 1).sqrt(),
    "sum": lambda x, y, k: x.sum(0),
    "amax": lambda x, y, k: x.amax(0),
    "clamp": lambda x, y, k: x.clamp(-k, k),
    "clone": lambda x, y, k: x.clone(),
    "gather rows": lambda x, y, k: x[[0, 1, 0]],
}
CHANGES: dict[str, Callable[..., Any]] = {
    "add_": lambda x, y, k: x.add_(y),
    "add_ number": lambda x, y, k: x.add_(k),
    "add_ alpha": lambda x, y, k: x.add_(y, alpha=k),
    "sub_": lambda x, y, k: x.sub_(y),
    "mul_": lambda x, y, k: x.mul_(y),
    "mul_ number": lambda x, y, k: x.mul_(0.5 * k),
    "div_": lambda x, y, k: x.div_(k + 1.0),
    "neg_": lambda x, y, k: x.neg_(),
    "exp_": lambda x, y, k: x.exp_(),
    "sigmoid_": lambda x, y, k: x.sigmoid_(),
    "tanh_": lambda x, y, k: x.tanh_(),
    "square_": lambda x, y, k: x.square_(),
    "sin_": lambda x, y, k: x.sin_(),
    "abs_": lambda x, y, k: x.abs_(),
    "pow_": lambda x, y, k: x.pow_(2),
    "floor_": lambda x, y, k: x.floor_(),
    "clamp_": lambda x, y, k: x.clamp_(-k, k),
    "cumsum_": lambda x, y, k: x.cumsum_(1),
    "relu_": lambda x, y, k: x.relu_(),
    "gt_": lambda x, y, k: x.gt_(y.detach()),
    "masked_fill_": lambda x, y, k: x.masked_fill_(x.detach() > 0.5, float(k)),
    "copy_": lambda x, y, k: x.copy_(y),
    "fill_": lambda x, y, k: x.fill_(k),
    "fill_ tensor": lambda x, y, k: x.fill_(y.sum()),
    "zero_": lambda x, y, k: x.zero_(),
    "set number": lambda x, y, k: x.__setitem__(k % 2, float(k)),
    "set row": lambda x, y, k: x.__setitem__(k % 2, y),
    "set rows": lambda x, y, k: x.__setitem__(slice(k % 2, None), y),
    "set listed": lambda x, y, k: x.__setitem__([1, 0], y),
    "set mask": lambda x, y, k: x.__setitem__(x.detach() > 0.5, float(k)),
    "set all": lambda x, y, k: x.__setitem__(..., y),
}
SHAPES: dict[str, Callable[..., Any]] = {
    "t_": lambda x, y, k: x.t_(),
    "unsqueeze_": lambda x, y, k: x.unsqueeze_(k % 2),
    "squeeze_": lambda x, y, k: x.squeeze_(),
    "transpose_": lambda x, y, k: x.transpose_(0, 1),
    "detach_": lambda x, y, k: x.detach_(),
}
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "F.relu": lambda F, x: F.relu(x, inplace=True),
    "F.leaky_relu": lambda F, x: F.leaky_relu(x, 0.1, inplace=True),
    "F.elu": lambda F, x: F.elu(x, 0.5, inplace=True),
    "F.silu": lambda F, x: F.silu(x, inplace=True),
    "F.hardswish": lambda F, x: F.hardswish(x, inplace=True),
    "F.dropout, all": lambda F, x: F.dropout(x, 1.0, inplace=True),
    "F.dropout, none": lambda F, x: F.dropout(x, 0.0, inplace=True),
}
STEPS = VIEWS | RESULTS | CHANGES | SHAPES

step = st.tuples(
    st.sampled_from(
        [*VIEWS, *RESULTS, *CHANGES, *CHANGES, *SHAPES, *ACTIVATIONS, "hook", "retain"]
    ),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(0, 3),
    st.sampled_from([False] * 7 + [True]),  # under no_grad
)
programs = st.lists(step, min_size=2, max_size=12)


class Machine:
    """Runs the steps of a program with one library."""

    def __init__(self, library: Any, functional: Any) -> None:
        self.library, self.functional = library, functional
        rng = np.random.default_rng(0)
        arrays = [rng.uniform(-1, 1, shape) for shape in ((2, 3), (3,), (2, 2), (), (2, 3))]
        self.tensors = [library.tensor(array, dtype=library.float64) for array in arrays]
        self.leaves = self.tensors[:4]
        for leaf in self.leaves:
            leaf.requires_grad_()
        # results of the leaves, as leaves themselves refuse most changes
        self.tensors += [
            self.leaves[0] * 1,
            self.leaves[2] * 2,
            library.zeros(3, dtype=library.float64),
        ]
        self.with_grad = self.leaves.copy()
        self.hooks = 0
        self.reshaped: list[Any] = []  # in place
        self.seen: list[Any] = []  # by hooks
        self.error: Exception | None = None

    def run(self, name: str, i: int, j: int, k: int, without_grad: bool) -> bool:
        """Runs a step; returns whether it raised no error."""
        x, y = (self.tensors[n % len(self.tensors)] for n in (-1 - i, -1 - j))
        try:
            with self.library.no_grad() if without_grad and name not in SHAPES else nullcontext():
                out = self._result(name, x, y, k)
        except ERRORS as error:
            self.error = error
            return False
        self.error = None
        if out is not None and all(out is not known for known in self.tensors):
            self.tensors.append(out)
        return True

    def _result(self, name: str, x: Any, y: Any, k: int) -> Any:
        with suppress(*ERRORS):
            _ = x.grad_fn  # unless it is read, torch takes a view of a changed base for a leaf
        if name == "retain":
            x.retain_grad()
            self.with_grad.append(x)
            return None
        if name == "hook":
            number = self.hooks = self.hooks + 1
            x.register_hook(lambda grad: self.seen.append((number, numbers(grad))))
            return None
        if name in SHAPES:
            self.reshaped.append(x)
        if name in ACTIVATIONS:
            return ACTIVATIONS[name](self.functional, x)
        return STEPS[name](x, y, k)

    def backward(self) -> bool:
        """Whether the backward pass from all tensors raised no error."""
        try:
            total = sum(((n % 3 + 1) * t).sum() for n, t in enumerate(self.tensors))
            total.backward()
        except ERRORS as error:
            self.error = error
            return False
        self.error = None
        return True


def is_dense(x: torch.Tensor) -> bool:
    """Whether a tensor fills the memory from its first element to its last."""
    order = sorted(range(x.ndim), key=lambda d: (x.shape[d] == 1, -x.stride(d)))
    return x.detach().permute(order).is_contiguous()


def is_stated(program: Machine, name: str, i: int, j: int) -> bool:
    """Whether torch's answer to a step is an accident that minicnn does not follow."""
    x, y = (program.tensors[n % len(program.tensors)] for n in (-1 - i, -1 - j))
    if name in CHANGES:
        # torch lets some changes write to an element several times, and others read what they have
        # written before
        shares = x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()
        return 0 in x.stride() or (shares and x is not y and not is_dense(y))
    # torch gives a hook after t_() the gradient in the shape before, ahead of earlier hooks
    if name in ("hook", "retain") and any(x is tensor for tensor in program.reshaped):
        return True
    if name in SHAPES:  # views go on from the shape that their base had
        return any(x is tensor._base for tensor in program.tensors)
    # a view gets a new history after any write to its base, and its hooks stay with the old one;
    # torch crashes on hooks of views taken under no_grad
    return name in ("hook", "retain") and x._is_view()


def numbers(tensor: Any) -> np.ndarray:
    return np.array(tensor.detach().cpu().numpy())


def assert_agree(ours: Any, theirs: Any, what: str) -> None:
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-9, atol=1e-9, err_msg=what)


def check(program: list[tuple[Any, ...]]) -> None:
    ours, theirs = Machine(mc, F), Machine(torch, torch.nn.functional)
    for number, (name, *arguments) in enumerate(program):
        what = f"step {number}, {name}"
        if is_stated(theirs, name, *arguments[:2]):
            continue
        ran = theirs.run(name, *arguments)
        if "INTERNAL ASSERT" in str(theirs.error):
            return
        assert ours.run(name, *arguments) == ran, (what, ours.error, theirs.error)
        assert len(ours.tensors) == len(theirs.tensors), what
        for our, their in zip(ours.tensors, theirs.tensors):
            assert our.requires_grad == their.requires_grad, what
            assert_agree(our, their, what)
        if any(float(t.detach().abs().max()) > 1e4 for t in theirs.tensors if t.numel()):
            return
    ran = theirs.backward()
    if "detached in-place" in str(theirs.error):  # where ours answers
        return
    assert ours.backward() == ran, ("backward", ours.error, theirs.error)
    if not ran:
        return
    for our, their in zip(ours.with_grad, theirs.with_grad):
        assert (our.grad is None) == (their.grad is None)
        if their.grad is not None and their.grad.shape == their.shape:  # not after t_()
            assert_agree(our.grad, their.grad, "gradient")
    assert [number for number, _ in ours.seen] == [number for number, _ in theirs.seen]
    for (_, our), (_, their) in zip(ours.seen, theirs.seen):
        np.testing.assert_allclose(our, their, rtol=1e-9, atol=1e-9, err_msg="hook")


@pytest.mark.numbers_decide
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, **SETTINGS)
@given(programs)
def test_programs(program):
    check(program)


@pytest.mark.slow
@pytest.mark.cpu_only
@pytest.mark.numbers_decide
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=3000, **SETTINGS)
@given(programs)
def test_many_programs(program):
    check(program)

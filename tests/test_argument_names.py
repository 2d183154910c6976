"""Tensors can be given by the names that torch has for them: ``F.relu(input=x)``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F

TENSORS = ("input", "other", "tensor", "tensors", "target", "weight", "index", "src", "mask")


def names_in_torch(function: Callable[..., Any]) -> list[str]:
    """The parameters of a function of torch's; those in C++ tell them in their documentation."""
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        name, text = function.__name__, inspect.getdoc(function) or ""
        found = re.search(rf"{name}\((.*?)\)", text, re.DOTALL) or re.search(r"\((.*?)\)", text)
        return re.findall(r"\w+", re.sub(r"=[^,]*", "", found[1])) if found else []


COMMON = {
    f"{ours.__name__}.{name}": (getattr(ours, name), getattr(theirs, name))
    for ours, theirs in ((mc, torch), (F, torch.nn.functional))
    for name in sorted(dir(ours))
    if inspect.isroutine(getattr(ours, name)) and hasattr(theirs, name) and name[0] != "_"
}


@pytest.mark.parametrize("name", COMMON)
def test_tensors_have_the_names_of_torch(name: str) -> None:
    ours, theirs = COMMON[name]
    wanted = [n for n in names_in_torch(theirs) if n in TENSORS]
    assert not set(wanted) - set(inspect.signature(ours).parameters)


@pytest.mark.parametrize("name", sorted(F.__all__))
def test_functional_takes_all_arguments_in_torchs_order(name: str) -> None:
    theirs = names_in_torch(getattr(torch.nn.functional, name))
    if theirs and theirs[0] != "args":  # else torch does not tell
        assert list(inspect.signature(getattr(F, name)).parameters) == theirs


@pytest.mark.numbers_decide  # the shape of what nonzero finds
def test_through_the_decorators() -> None:
    x = mc.rand(2, 3, 4, 4)
    assert F.conv2d(input=x, weight=mc.rand(5, 3, 1, 1)).shape == (2, 5, 4, 4)
    assert F.max_pool2d(input=x, kernel_size=2).shape == (2, 3, 2, 2)
    assert mc.sum(input=x, dim=1).shape == (2, 4, 4)
    assert mc.nonzero(input=x > 2).shape == (0, 4)
    assert bool((x.add(other=x) == 2 * x).all())

"""Random calls of operations agree with torch: values, dtypes, gradients, errors."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_databases.call import run
from torch_databases.deviations import is_stated
from torch_databases.judge import NoAnswer, both_refuse, compare
from torch_databases.values import described, leaves

import minicnn as mc
from random_programs.operations import KINDS
from random_programs.profile import SETTINGS

pytestmark = [pytest.mark.not_emulated, pytest.mark.numbers_decide]


@pytest.mark.parametrize("kind", KINDS)
def test_some_calls(kind: str) -> None:
    search(kind, 100)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_calls(kind: str) -> None:
    search(kind, 500)


def search(kind: str, count: int) -> None:
    """Compares ``count`` random calls of a kind."""

    @settings(max_examples=count, **SETTINGS)
    @given(KINDS[kind], st.integers(0, 100))
    def agree(call: Any, seed: int) -> None:
        name, function, args, kwargs = call
        tensors = [x for x in leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        wanted = [x.requires_grad for x in tensors]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                found = compare(
                    lambda form: run(torch, function, args, kwargs, wanted, seed, form),
                    lambda: run(mc, function, args, kwargs, wanted, seed),
                )
            except NoAnswer:
                nothing = [False] * len(tensors)
                found = both_refuse(
                    lambda: run(torch, function, args, kwargs, nothing, seed),
                    lambda: run(mc, function, args, kwargs, nothing, seed),
                )
        if found and is_stated(name, found):
            return
        assert found is None, f"{name}{described(args, kwargs)}: {found}"

    agree()

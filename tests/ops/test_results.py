"""Results of several tensors print as torch's."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import minicnn as mc
from minicnn.ops.reduce import Extremum

CASES = {
    "max": lambda m, x: m.max(x, 1),
    "min": lambda m, x: x.min(0, keepdim=True),
    "sort": lambda m, x: m.sort(x),
    "topk": lambda m, x: x.topk(2),
    "kthvalue": lambda m, x: x.kthvalue(1),
    "median": lambda m, x: x.median(0),
    "nanmedian": lambda m, x: x.nanmedian(0),
    "mode": lambda m, x: x.mode(),
    "cummax": lambda m, x: x.cummax(0),
    "aminmax": lambda m, x: x.aminmax(),
    "frexp": lambda m, x: m.frexp(x),
    "slogdet": lambda m, x: m.linalg.slogdet(m.eye(2)),
    "eigh": lambda m, x: m.linalg.eigh(m.ones(1, 1)),
    "svd": lambda m, x: m.svd(m.ones(1, 1)),
    "histogram": lambda m, x: m.histogram(x, 2),
}


@pytest.mark.cpu_only  # tensors on a GPU print their device
@pytest.mark.parametrize("name", CASES)
def test_print(name: str) -> None:
    values = [[3.0, 1.0], [2.0, 8.0]]
    ours, theirs = CASES[name](mc, mc.tensor(values)), CASES[name](torch, torch.tensor(values))
    assert repr(ours) == repr(theirs)


def test_the_fields_are_still_those_of_the_named_tuple() -> None:
    result = mc.tensor([[1.0, 2.0]]).max(1)
    assert isinstance(result, Extremum)
    values, indices = copy.deepcopy(pickle.loads(pickle.dumps(result)))
    assert values.tolist() == [2.0]
    assert indices.tolist() == [1]

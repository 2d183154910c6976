"""Whatever has a name of torch's takes its arguments by torch's names, too."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch

MODULES = """
    autograd autograd.functional func nn nn.functional nn.init nn.utils optim optim.lr_scheduler
    optim.swa_utils utils.data
"""
OURS = {"utils.data": "data"}
# by name: what minicnn does without
LEFT_OUT = {
    "autograd.backward": {"grad_variables"},  # no longer in torch's documentation
    "autograd.enable_grad": {"orig_func"},  # of the call that decorates
    "autograd.grad": {"is_grads_batched"},  # func.vmap does it
    "enable_grad": {"orig_func"},
    "from_dlpack": {"copy", "device"},
    "func.jacrev": {"_preallocate_and_copy"},
    "nn.UninitializedParameter": {"device", "dtype"},
    "nn.utils.fuse_conv_bn_eval": {"transpose"},
    "nn.Sequential.extend": {"sequential"},
}
_CHECKS = {
    "nondet_tol", "check_undefined_grad", "check_grad_dtypes", "check_batched_grad", "masked",
    "check_batched_forward_grad", "check_forward_ad", "check_backward_ad", "check_fwd_over_rev",
    "check_rev_over_rev", "gen_non_contig_grad_outputs",
}  # fmt: skip
LEFT_OUT |= dict.fromkeys(["autograd.gradcheck", "autograd.gradgradcheck"], _CHECKS)


def keywords(function: Any) -> tuple[set[str], bool]:
    """What a function takes by name, and whether it takes any other name; of C functions nothing."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set(), True
    by_name = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return by_name, any(p.kind == p.VAR_KEYWORD for p in parameters)


def functions(name: str, thing: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    """A function, or a class and the methods that it defines, beside our own of the same names."""
    yield name, thing, ours
    for method in vars(thing) if inspect.isclass(thing) else ():
        if not method.startswith("_") and callable(getattr(ours, method, None)):
            yield f"{name}.{method}", getattr(thing, method), getattr(ours, method)


@pytest.mark.cpu_only
@pytest.mark.parametrize("module", MODULES.split())
def test_keywords(module: str) -> None:
    theirs = importlib.import_module(f"torch.{module}")
    ours = importlib.import_module(f"minicnn.{OURS.get(module, module)}")
    missing = {}
    for name, thing in vars(theirs).items():
        is_own = getattr(thing, "__module__", "").startswith(theirs.__name__)
        if not is_own or name.startswith("_") or not callable(thing) or not hasattr(ours, name):
            continue
        for path, function, own in functions(name, thing, getattr(ours, name)):
            (known, takes_any), (wanted, _) = keywords(own), keywords(function)
            left_out = LEFT_OUT.get(f"{module}.{path}", set())
            if not takes_any and wanted - known - left_out - {"self", "ctx"}:
                missing[path] = wanted - known - left_out
    assert missing == {}


@pytest.mark.cpu_only
def test_keywords_of_top_level_functions() -> None:
    """Of those that torch has in Python; what its C functions take cannot be read."""
    minicnn = importlib.import_module("minicnn")
    missing = {}
    for name in set(dir(torch)).intersection(minicnn.__all__) - {"compile", "load", "save"}:
        (known, takes_any), (wanted, _) = (keywords(getattr(m, name)) for m in (minicnn, torch))
        left_out = LEFT_OUT.get(name, set())
        if not takes_any and wanted - known - left_out - {"out"}:
            missing[name] = wanted - known - left_out
    assert missing == {}

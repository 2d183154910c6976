"""Lazy layers of signals, transposed convolutions and instance norms."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import minicnn as mc

LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "LazyConv1d": ((4, 3), (2, 3, 7)),
    "LazyConvTranspose1d": ((4, 3), (2, 3, 7)),
    "LazyConvTranspose2d": ((4, 3), (2, 3, 5, 6)),
    "LazyInstanceNorm1d": ((1e-5, 0.1, True, True), (2, 3, 7)),
    "LazyInstanceNorm2d": ((1e-5, 0.1, True, True), (2, 3, 5, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_first_call_makes_the_layer(name: str) -> None:
    arguments, shape = LAYERS[name]
    ours, theirs = (getattr(lib.nn, name)(*arguments) for lib in (mc, torch))
    out, expected = ours(mc.rand(*shape)), theirs(torch.rand(*shape))
    assert tuple(out.shape) == tuple(expected.shape)
    assert type(ours).__name__ == type(theirs).__name__ == name.removeprefix("Lazy")
    assert repr(ours) == repr(theirs)
    shapes = {key: tuple(value.shape) for key, value in ours.state_dict().items()}
    assert shapes == {key: tuple(value.shape) for key, value in theirs.state_dict().items()}


@pytest.mark.parametrize("shape", [(2, 6, 5, 5)])
def test_numbers_can_be_loaded_before_the_first_call(shape: tuple[int, ...]) -> None:
    def build() -> mc.nn.Sequential:
        return mc.nn.Sequential(
            mc.nn.LazyConv2d(4, 3, groups=2, bias=False),
            mc.nn.LazyBatchNorm2d(),
            mc.nn.LazyConvTranspose2d(3, 2),
            mc.nn.LazyInstanceNorm2d(),
            mc.nn.Flatten(),
            mc.nn.LazyLinear(2),
        )

    x, trained, fresh = mc.randn(shape), build(), build()
    expected = trained(x)
    state = mc.get_rng_state()
    assert not fresh.load_state_dict(trained.state_dict()).missing_keys
    assert mc.equal(mc.get_rng_state(), state)
    assert mc.equal(fresh(x), expected)
    assert repr(fresh) == repr(trained)

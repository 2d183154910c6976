"""Which kernels compute: a switch in Python, and one in the environment."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

import minicnn as mc
from minicnn import backends, kernels


@pytest.fixture
def fast_kernels():
    with backends.use_kernels("fast"):
        yield


@pytest.mark.usefixtures("fast_kernels")
def test_kernels_are_chosen_by_a_statement_or_for_a_block():
    x = mc.zeros(1).array
    fast = kernels.of(x)
    with backends.use_kernels("plain"):
        assert kernels.of(x) is not fast and kernels.selected() == "plain"
        with backends.use_kernels("fast"):
            assert kernels.of(x) is fast
        assert kernels.selected() == "plain"
    assert kernels.of(x) is fast

    backends.use_kernels("plain")
    assert kernels.selected() == "plain"
    backends.use_kernels("fast")
    assert kernels.of(x) is kernels.fast_of(x) is fast


@pytest.mark.usefixtures("fast_kernels")
def test_the_kernels_outside_return_after_an_error():
    with pytest.raises(ZeroDivisionError), backends.use_kernels("plain"):
        1 / 0  # noqa: B018
    assert kernels.selected() == "fast"


@pytest.mark.usefixtures("fast_kernels")
def test_backward_may_run_with_other_kernels_than_forward():
    net = mc.nn.Sequential(mc.nn.Conv2d(2, 3, 2), mc.nn.ReLU(), mc.nn.MaxPool2d(2))
    x = mc.randn(2, 2, 5, 5, requires_grad=True)
    gradients = []
    for forward, backward in itertools.product(kernels.CHOICES, repeat=2):
        x.grad = None
        with backends.use_kernels(forward):
            out = net(x)
        with backends.use_kernels(backward):
            out.sum().backward()
        gradients.append(x.grad.numpy_copy())
    for grad in gradients[1:]:
        np.testing.assert_allclose(grad, gradients[0], atol=1e-6)


def test_unknown_kernels_raise():
    with pytest.raises(ValueError, match="one of fast, plain, got 'slow'"):
        backends.use_kernels("slow")


@pytest.mark.parametrize("name, expected", [("plain", "plain"), ("", "fast"), (None, "fast")])
def test_the_environment_chooses_the_kernels(name, expected):
    environment = {key: value for key, value in os.environ.items() if key != "MINICNN_KERNELS"}
    if name is not None:
        environment["MINICNN_KERNELS"] = name
    program = "from minicnn import kernels; print(kernels.selected())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


def test_a_wrong_word_in_the_environment_is_named():
    program = "import minicnn"
    environment = {**os.environ, "MINICNN_KERNELS": "slow"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "MINICNN_KERNELS must be one of fast, plain, got 'slow'" in done.stderr

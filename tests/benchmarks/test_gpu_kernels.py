"""The kernels that the GPU suite measures."""

import importlib

import pytest

pytestmark = pytest.mark.cpu_only


@pytest.mark.fast_only
def test_each_kernel_that_is_measured_runs():
    cases = list(importlib.import_module("gpu_kernels").cases(2, num_weights=1000, device="cpu"))
    assert len({name for name, _, _ in cases}) == len(cases) == 17
    for _, run, num_bytes in cases:
        run()
        assert num_bytes > 0

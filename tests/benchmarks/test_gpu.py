"""What scripts on a GPU share."""

import importlib

import pytest

pytestmark = pytest.mark.cpu_only


def test_the_name_of_the_folder():
    gpu = importlib.import_module("gpu")
    assert gpu.slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"
    assert gpu.slug("Tesla V100-SXM2 (test)") == "tesla-v100-sxm2-test"

"""What the GPU suite reads of Nsight Compute."""

import importlib

import pytest

pytestmark = pytest.mark.cpu_only


def test_what_nsight_compute_prints_is_read():
    printed = """==PROF== Connected to process 1
"ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"
"0","forward","GPU Speed Of Light","Duration","us","12.5"
"0","forward","GPU Speed Of Light","Memory Throughput","%","40"
"0","forward","Memory Workload Analysis","Memory Throughput","Gbyte/s","900"
"1","max_pool","Occupancy","Achieved Occupancy","%","71"
"""
    rows = list(importlib.import_module("gpu_ncu").rows_of(printed))
    assert [row["kernel"] for row in rows] == ["forward", "max_pool"]
    assert rows[0]["metrics"] == {
        "Duration": "12.5 us",
        "Memory Throughput": "40 %",
        "Memory Throughput, Memory Workload Analysis": "900 Gbyte/s",
    }
    assert rows[1]["metrics"] == {"Achieved Occupancy": "71 %"}

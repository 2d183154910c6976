"""Numbers beside a dtype: what it holds of them, and which are refused, as in torch."""

import math

import pytest
import torch

import minicnn as mc
import minicnn.nn.functional as F

pytestmark = pytest.mark.numbers_decide

DTYPES = ("uint8", "int8", "int32", "int64", "float16", "bfloat16", "float32", "float64", "bool")
NUMBERS = (
    0, -1, 2.5, -0.5, -1.5, 127, 128, -129, 255, 256, -255, -256, 255.5, 65504, 65505.0, 65520.0,
    2**31, -(2**31), 2**63 - 1, 3.4e38, 3.4028236e38, 1e39, -1e39, math.inf, -math.inf, math.nan,
    True,
)  # fmt: skip


def set_first(x, value):
    x[0] = value
    return x


USES = {
    "fill_": lambda lib, F, dtype, value: lib.zeros(2, dtype=dtype).fill_(value),
    "setitem": lambda lib, F, dtype, value: set_first(lib.zeros(2, dtype=dtype), value),
    "full": lambda lib, F, dtype, value: lib.full((2,), value, dtype=dtype),
    "masked_fill": lambda lib, F, dtype, value: lib.zeros(2, dtype=dtype).masked_fill(
        lib.tensor([True, False]), value
    ),
    "pad": lambda lib, F, dtype, value: F.pad(lib.zeros(1, dtype=dtype), (0, 1), value=value),
    "clamp": lambda lib, F, dtype, value: lib.zeros(2, dtype=dtype).clamp(min=value),
}


def outcome(use, lib, functional, name, value):
    dtype = getattr(lib, name if name != "bool" or lib is torch else "bool_")
    try:
        result = use(lib, functional, dtype, value)
    except (RuntimeError, TypeError) as error:
        return type(error)
    return str(result.dtype).removeprefix("torch."), repr(result.tolist())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_in_a_dtype(use, dtype):
    for value in NUMBERS:
        if use == "pad" and (value, dtype) == (2**63 - 1, "int64"):
            continue  # torch rounds it up as a float, which int64 does not hold
        ours = outcome(USES[use], mc, F, dtype, value)
        assert ours == outcome(USES[use], torch, torch.nn.functional, dtype, value), value

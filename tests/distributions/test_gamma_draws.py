"""Draws of gamma, beta and Dirichlet distributions: torch's numbers, and its stream after them."""

import numpy as np
import pytest
import torch

import minicnn as mc

CONCENTRATIONS = [[1e-30, 0.02, 0.4], [1.0, 2.5, 300.0]]
DISTRIBUTIONS = {
    "Gamma": lambda lib, a: lib.distributions.Gamma(a, 1.7),
    "Chi2": lambda lib, a: lib.distributions.Chi2(a),
    "Beta": lambda lib, a: lib.distributions.Beta(a, a.flip(1)),
    "Dirichlet": lambda lib, a: lib.distributions.Dirichlet(a),
    "expanded": lambda lib, a: lib.distributions.Gamma(a, a).expand((2, 2, 3)),
    "transposed": lambda lib, a: lib.distributions.Beta(a.t(), 0.4),
    "numbers": lambda lib, a: lib.distributions.Beta(0.4, 0.4),
    "zeros": lambda lib, a: lib.distributions.Beta(0 * a, 0 * a, validate_args=False),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (5, 7)])
@pytest.mark.parametrize("make", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_the_numbers_are_torchs(make, shape, dtype):
    drawn = []
    for lib in (mc, torch):
        lib.manual_seed(3)
        p = make(lib, lib.tensor(CONCENTRATIONS, dtype=getattr(lib, dtype)))
        numbers = p.sample(shape)
        drawn.append((p.batch_shape, p.event_shape, str(numbers.dtype), lib.rand(1).item()))
        drawn[-1] += (numbers.cpu().numpy(),)
    (*ours, our_numbers), (*theirs, their_numbers) = drawn
    assert ours == theirs
    assert np.array_equal(our_numbers, their_numbers)


def test_long_rows_add_up_to_one():
    concentration = np.linspace(0.1, 3, 1000)
    drawn = []
    for lib in (mc, torch):
        lib.manual_seed(5)
        drawn.append(lib.distributions.Dirichlet(lib.tensor(concentration)).sample())
    ours, theirs = (numbers.cpu().numpy() for numbers in drawn)
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    assert abs(ours.sum() - 1) < 1e-12


@pytest.mark.parametrize("dtype", ["float16", "int64"])
def test_other_dtypes(dtype):
    for lib in (mc, torch):
        p = lib.distributions.Gamma(lib.ones(2, dtype=getattr(lib, dtype)), 1.0)
        with pytest.raises(
            NotImplementedError, match="float32 or float64, got" if lib is mc else None
        ):
            p.sample()

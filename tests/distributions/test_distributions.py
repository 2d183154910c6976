"""Probability distributions against torch's: draws, values, gradients and errors."""

import numpy as np
import pytest
import torch

import minicnn as mc

pytestmark = pytest.mark.cpu_only

COVARIANCE = [[2.0, 0.5], [0.5, 1.0]]

# the class, its arguments, and those of another one, to which it has a divergence
CASES = [
    ("Normal", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, {"loc": [0.3, 0.1], "scale": [2.0, 1.0]}),
    ("LogNormal", {"loc": [0.0, 1.0], "scale": [1.0, 0.2]}, {"loc": [0.3, 0.1], "scale": [2.0, 1.0]}),
    ("Uniform", {"low": [0.0, 1.0], "high": [1.0, 2.5]}, {"low": [-1.0, 1.1], "high": [2.0, 3.0]}),
    ("Exponential", {"rate": [0.5, 1.0]}, {"rate": [2.0, 0.1]}),
    ("Laplace", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, {"loc": [0.3, 0.1], "scale": [2.0, 1.0]}),
    ("Bernoulli", {"probs": [0.5, 0.1]}, {"probs": [0.2, 0.9]}),
    ("Bernoulli", {"logits": [0.5, -0.1]}, {"probs": [0.2, 0.9]}),
    ("Categorical", {"probs": [[0.5, 0.1, 2.0]]}, {"logits": [[0.5, 0.1, 2.0]]}),
    ("Categorical", {"logits": [0.5, 0.1, 2.0]}, {"probs": [0.5, 0.1, 2.0]}),
    ("OneHotCategorical", {"probs": [[0.5, 0.1, 2.0]]}, {"probs": [[0.2, 0.3, 0.1]]}),
    ("Gamma", {"concentration": [0.3, 2.0], "rate": [1.5, 0.5]},
     {"concentration": [1.0, 3.0], "rate": [2.0, 0.4]}),
    ("Chi2", {"df": [0.5, 3.0]}, {"df": [4.0, 2.5]}),
    ("Beta", {"concentration1": [0.4, 3.0], "concentration0": [0.4, 2.0]},
     {"concentration1": [1.0, 0.5], "concentration0": [2.0, 0.1]}),
    ("Dirichlet", {"concentration": [[0.5, 0.1, 2.0], [3.0, 2.0, 4.0]]},
     {"concentration": [1.0, 2.0, 0.5]}),
    ("MultivariateNormal", {"loc": [0.0, 1.0], "covariance_matrix": COVARIANCE},
     {"loc": [0.5, 0.0], "scale_tril": [[1.0, 0.0], [0.3, 2.0]]}),
    ("MultivariateNormal", {"loc": [[0.0, 1.0]], "precision_matrix": COVARIANCE},
     {"loc": [0.5, 0.0], "covariance_matrix": COVARIANCE}),
]  # fmt: skip


def make(lib, name, arguments):
    """A distribution of torch's or minicnn's, and its parameters."""
    parameters = [lib.tensor(value, requires_grad=True) for value in arguments.values()]
    given = dict(zip(arguments, parameters, strict=True))
    return getattr(lib.distributions, name)(**given), parameters


def everything(lib, name, arguments, other):
    """Draws, values and gradients of a distribution; minicnn's and torch's by the same calls."""
    lib.manual_seed(3)
    p, parameters = make(lib, name, arguments)
    q, _ = make(lib, name, other)
    drawn = p.sample((4,))
    wider = p.expand((3, *p.batch_shape)).sample()
    values = [p.log_prob(drawn), p.entropy(), lib.distributions.kl_divergence(p, q)]
    values += [p.rsample((2,))] if getattr(mc.distributions, name).has_rsample else []
    sum(value.sum() for value in values).backward()
    return [drawn, wider, p.mean, p.variance, p.stddev, *values, *(x.grad for x in parameters)]


def assert_same(got, expected):
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert str(ours.dtype) == str(theirs.dtype)
        assert tuple(ours.shape) == tuple(theirs.shape)
        ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "other"), CASES)
def test_draws_values_and_gradients(name, arguments, other):
    assert_same(everything(mc, name, arguments, other), everything(torch, name, arguments, other))


def mixtures(lib):
    lib.manual_seed(3)
    d = lib.distributions
    of_numbers = d.MixtureSameFamily(d.Categorical(lib.ones(5)), d.Normal(lib.arange(5.0), 1.0))
    means = lib.arange(30.0).view(3, 5, 2)
    vectors = d.Independent(d.Normal(means, lib.ones(3, 5, 2)), 1)
    of_vectors = d.MixtureSameFamily(d.Categorical(lib.ones(3, 5)), vectors)
    draws = [mixture.sample((4,)) for mixture in (of_numbers, of_vectors)]
    pairs = list(zip((of_numbers, of_vectors), draws, strict=True))
    wider = of_vectors.expand((2, 3)).sample()
    return [*draws, wider, *(m.log_prob(x) for m, x in pairs), of_vectors.mean, of_vectors.variance]


def test_mixtures():
    assert_same(mixtures(mc), mixtures(torch))


def others(lib):
    d = lib.distributions
    unit, x = d.Normal(0.0, 1.0), lib.tensor([0.3, 0.9])
    vectors = [d.Independent(d.Normal(lib.full((3, 2), i), 1.0), 1) for i in (0.0, 1.0)]
    matrices = d.MultivariateNormal(lib.zeros(2), precision_matrix=lib.tensor(COVARIANCE))
    categories = d.Categorical(lib.ones(2, 3))
    corners = d.Dirichlet(lib.tensor([[0.5, 0.1, 2.0], [0.5, 0.4, 0.9], [3.0, 2.0, 1.0]]))
    modes = [corners, d.Beta(x, 0.5), d.Beta(x + 1, 3.0), d.Gamma(3 * x, 2.0), d.Chi2(4.0)]
    return [
        *(p.mode for p in modes), d.Gamma(2.0, 1.0).log_prob(0.3), modes[1].log_prob(x),
        unit.cdf(x), unit.icdf(x), d.Uniform(0.0, 2.0).cdf(x), d.kl_divergence(*vectors),
        vectors[1].entropy(), matrices.covariance_matrix, matrices.scale_tril,
        categories.enumerate_support(), categories.mode, categories.perplexity(),
    ]  # fmt: skip


def test_the_other_methods():
    assert_same(others(mc), others(torch))


WRONG = {
    "a negative deviation": (
        lambda lib: lib.distributions.Normal(0.0, -1.0),
        r"Normal expects scale to satisfy .*, got -1.0",
    ),
    "NaN": (
        lambda lib: lib.distributions.Normal(lib.tensor([float("nan")]), 1.0),
        "Normal expects loc to satisfy .*nan",
    ),
    "no probabilities": (
        lambda lib: lib.distributions.Categorical(),
        "either probs or logits, got neither",
    ),
    "negative probabilities": (
        lambda lib: lib.distributions.Categorical(lib.tensor([-0.1, 0.3])),
        "Categorical expects probs to satisfy",
    ),
    "a number for probabilities": (
        lambda lib: lib.distributions.Categorical(lib.tensor(0.5)),
        r"probs must have at least 1 dimension, got shape \(\)",
    ),
    "a probability above 1": (
        lambda lib: lib.distributions.Bernoulli(1.2),
        r"Bernoulli expects probs to satisfy .*, got 1\.2",
    ),
    "a number for a value": (
        lambda lib: lib.distributions.Normal(0.0, 1.0).log_prob(0.3),
        "log_prob expects a tensor, got float",
    ),
    "no such class": (
        lambda lib: lib.distributions.Categorical(lib.ones(3)).log_prob(lib.tensor(3)),
        r"expects a value in .*, got 3 of",
    ),
    "outside": (
        lambda lib: lib.distributions.Uniform(0.0, 1.0).log_prob(lib.tensor(2.0)),
        r"expects a value in .*, got 2.0 of",
    ),
    "a wrong shape": (
        lambda lib: lib.distributions.Normal(lib.zeros(3), 1.0).log_prob(lib.zeros(2)),
        r"broadcasts with \(3,\), got shape \(2,\)",
    ),
    "a negative concentration": (
        lambda lib: lib.distributions.Beta(0.4, -0.4),
        "Beta expects concentration0 to satisfy .*, got -0.4",
    ),
    "no degrees of freedom": (
        lambda lib: lib.distributions.Chi2(0.0),
        "Chi2 expects df to satisfy .*, got 0.0",
    ),
    "a concentration that is no vector": (
        lambda lib: lib.distributions.Dirichlet(lib.tensor(1.0)),
        r"concentration must have at least 1 dimension, got shape \(\)",
    ),
    "one negative concentration": (
        lambda lib: lib.distributions.Dirichlet(lib.tensor([1.0, -1.0])),
        "Dirichlet expects concentration to satisfy IndependentConstraint",
    ),
    "a sum other than 1": (
        lambda lib: lib.distributions.Dirichlet(lib.ones(2)).log_prob(lib.tensor([0.5, 0.6])),
        r"expects a value in Simplex\(\)",
    ),
    "no matrix": (
        lambda lib: lib.distributions.MultivariateNormal(lib.zeros(2)),
        "expects one of covariance_matrix, precision_matrix, scale_tril, got 0",
    ),
    "no covariance": (
        lambda lib: lib.distributions.MultivariateNormal(lib.zeros(2), -lib.eye(2)),
        "MultivariateNormal expects covariance_matrix to satisfy",
    ),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, message):
    with pytest.raises(ValueError):
        call(torch)
    with pytest.raises(ValueError, match=message):
        call(mc)


@pytest.mark.parametrize("name", ["Gamma", "Beta", "Dirichlet"])
def test_no_gradients_of_draws(name):
    p, _ = make(mc, name, next(arguments for case, arguments, _ in CASES if case == name))
    assert not p.has_rsample
    assert not p.sample().requires_grad
    with pytest.raises(NotImplementedError, match=f"{name} has no rsample: only sample"):
        p.rsample()


def test_repr():
    d = mc.distributions
    assert repr(d.Beta(0.4, 2.0)) == "Beta(concentration1: 0.4000000059604645, concentration0: 2.0)"
    assert repr(d.Chi2(mc.ones(3))) == "Chi2(df: torch.Size([3]))"
    assert repr(d.Dirichlet(mc.ones(2, 3))) == "Dirichlet(concentration: torch.Size([2, 3]))"


def test_checks_can_be_turned_off():
    assert mc.distributions.Normal(0.0, -1.0, validate_args=False).scale == -1


def test_a_divergence_of_ones_own():
    class Point(mc.distributions.Distribution):
        pass

    p = Point()
    with pytest.raises(NotImplementedError, match="from Point to Point"):
        mc.distributions.kl_divergence(p, p)
    mc.distributions.register_kl(Point, Point)(lambda p, q: mc.zeros(()))
    assert mc.distributions.kl_divergence(p, p) == 0

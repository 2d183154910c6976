"""Steps on a GPU as a graph do what they do on their own; elsewhere nothing changes."""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pytest

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim
from minicnn.training import add_gpu_arguments, captured, mixed_precision, validate_classifier

SIZES = (4, 4, 4, 2, 4, 4, 2, 4)  # of batches


@pytest.fixture
def device(request):
    return request.config.getoption("device").partition("-")[0]


def options(device, precision="bf16"):
    return argparse.Namespace(device=device, batch_size=4, precision=precision)


class Training:
    """A small network with dropout and momentum, a step with a schedule outside, and batches."""

    def __init__(self, device):
        mc.manual_seed(1)
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(72, 2)
        ).to(device)
        self.optimizer = optim.SGD(self.net.parameters(), lr=0.1, momentum=0.9)
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.9)
        rng = np.random.default_rng(0)
        self.batches = [
            (
                mc.tensor(rng.standard_normal((N, 3, 7, 7), np.float32)),
                mc.tensor(rng.integers(0, 2, N)),
            )
            for N in SIZES
        ]
        self.half = mixed_precision(options(device))

    def predict(self, images):
        with self.half:
            return self.net(images).float()

    def update(self, images, labels):
        self.optimizer.zero_grad()
        logits = self.predict(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        self.optimizer.step()
        return loss, logits, labels

    def run(self, update):
        """The results of each batch, kept to the end, and the weights then."""
        mc.manual_seed(2)  # of dropout
        results = []
        for batch in self.batches:
            results += update(*batch)
            self.schedule.step()
        return [x.numpy_copy() for x in (*results, *self.net.parameters())]


def eager(function, device):
    return lambda *tensors: function(*(tensor.to(device) for tensor in tensors))


def test_captured_steps_are_the_same_steps(device):
    """Of full and of short batches, with a learning rate that changes; and nothing is said."""
    plain, training = Training(device), Training(device)
    expected = plain.run(eager(plain.update, device))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = training.run(captured(training.update, options(device)))
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_captured_predictions_follow_the_weights(device):
    training = Training(device)
    predict = captured(training.predict, options(device))
    training.net.eval()
    images = training.batches[0][0]
    for _ in range(6):
        with mc.no_grad():
            logits = predict(images)
            expected = training.predict(images.to(device))
            np.testing.assert_array_equal(logits.numpy_copy(), expected.numpy_copy())
            assert not logits.requires_grad
            for parameter in training.net.parameters():
                parameter.mul_(1.5)


@pytest.mark.emulated_only
def test_a_validation_fetches_numbers_when_it_is_over():
    from cupy import emulation

    training, fetched = Training("cuda"), []
    training.net.eval()
    predict = captured(training.predict, options("cuda"))

    def watched(images):
        fetched.append(emulation.copies_to_host)
        return predict(images)

    with mc.no_grad():
        results = validate_classifier(training.batches, watched, F.cross_entropy)
    assert len(set(fetched)) == 1
    assert results["val_pictures"] == sum(SIZES)


@pytest.mark.parametrize(
    ("given", "device", "dtype"),
    [
        (None, "cuda", mc.bfloat16), (None, "cpu", None),
        ("bf16", "cpu", mc.bfloat16), ("fp32", "cuda", None),
    ],
)  # fmt: skip
def test_precisions(given, device, dtype):
    with mixed_precision(options(device, given)):
        assert (mc.get_autocast_dtype() if mc.is_autocast_enabled() else None) == dtype


@pytest.mark.cpu_only
@pytest.mark.parametrize("given, gigabytes", [("--gpu-gb 0.5", 0.5), ("", None)])
def test_options(given, gigabytes):
    parser = argparse.ArgumentParser()
    add_gpu_arguments(parser)
    assert parser.parse_args(given.split()).gpu_gb == gigabytes

"""A network, torchvision's and its own copies: weights, outputs and gradients are the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

import minicnn as mc
from minicnn.models.feature_extraction import create_feature_extractor, get_graph_node_names

__all__ = [
    "assert_same_copies",
    "assert_same_network",
    "one_thread",
    "twins",
    "use_exact_gradients",
]

TOLERANCE = 1e-9


def twins(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[Any, Any]:
    """Both networks with one seed; asserts that they begin with the same weights."""
    mc.manual_seed(7)
    torch.manual_seed(7)
    net, other = ours(), theirs()
    state, expected = net.state_dict(), other.state_dict()
    assert list(state) == list(expected)
    for key, value in expected.items():
        # Uniform numbers are equal to the bit, normal ones to the last digits of log and cos.
        np.testing.assert_allclose(
            state[key].cpu().numpy(), value.numpy(), rtol=1e-5, atol=1e-6, err_msg=key
        )
    assert mc.rand(5).tolist() == torch.rand(5).tolist()  # as many numbers were drawn
    return net, other


def assert_same_network(
    ours: Any, theirs: Any, size: tuple[int, int], modes: tuple[bool, ...] = (False, True)
) -> None:
    """On the same weights, in float64, in evaluation and training, with the same dropout masks."""
    with one_thread():
        _randomise(theirs)
        use_exact_gradients(theirs)
        ours, theirs = ours.to(dtype=mc.float64), theirs.double()
        ours.load_state_dict({key: mc.tensor(x.numpy()) for key, x in theirs.state_dict().items()})
        for training in modes:
            ours.train(training).zero_grad()
            theirs.train(training).zero_grad()
            _compare(ours, theirs, size)


def _randomise(net: Any) -> None:
    """Statistics that are not the first ones, and biases that are not 0."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        if getattr(module, "bias", None) is not None:
            torch.nn.init.normal_(module.bias, 0, 0.1)


def use_exact_gradients(net: Any) -> None:
    """PyTorch multiplies a hard sigmoid's gradient by 1/6 in float32, even in float64."""
    for module in net.modules():
        if isinstance(module, torch.nn.Hardsigmoid):
            module.forward = lambda x: torch.nn.functional.relu6(x + 3) / 6


def _compare(ours: Any, theirs: Any, size: tuple[int, int]) -> None:
    images = np.random.default_rng(1).normal(size=(2, 3, *size))
    x, y = mc.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    mc.manual_seed(3)
    torch.manual_seed(3)
    found, expected = _named(ours(x)), _named(theirs(y))
    assert list(found) == list(expected)
    _sum(found).backward()
    _sum(expected).backward()
    found["images"], expected["images"] = x.grad, y.grad
    for (name, weight), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        found[name], expected[name] = weight.grad, other.grad
    found |= dict(ours.named_buffers())
    expected |= dict(theirs.named_buffers())
    for name, value in expected.items():
        if value is None:
            assert found[name] is None, name
            continue
        our, their = found[name].detach().cpu().numpy(), value.detach().numpy()
        assert our.shape == their.shape, name
        scale = max(np.abs(their).max(), 1e-3)
        assert np.abs(our - their).max() <= TOLERANCE * scale, name


def _named(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return outputs._asdict() if isinstance(outputs, tuple) else {"logits": outputs}


def _sum(outputs: dict[str, Any]) -> Any:
    """A loss in which every number of every output counts."""
    return sum((output.sigmoid() ** 2).sum() for output in outputs.values())


def assert_same_copies(net: Any, size: tuple[int, int]) -> None:
    """Compiled, copied, pickled and as an extractor of its last layer, a network does the same."""
    images, net = mc.randn(2, 3, *size), net.float().eval()
    _, (*_, last) = get_graph_node_names(net)
    extractor = create_feature_extractor(net, {last: "last"})
    copies = [mc.compile(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    with mc.no_grad():
        expected = net(images).cpu().numpy()
        found = [each(images) for each in copies] + [extractor(images)["last"].flatten(1)]
    for answer in found:
        difference = np.abs(answer.cpu().numpy() - expected).max()
        assert difference <= 1e-5 * np.abs(expected).max()


@contextmanager
def one_thread() -> Iterator[None]:
    """Two threads of torch wait for each other, longer than they work, on images this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

"""Both AlexNets: sizes, keys, initial values, and everything they compute against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from benchmarks import torch_models
from minicnn import models, nn
from minicnn.nn.init import no_init

KEYS = [
    *(f"features.{i}.{name}" for i in (0, 3, 6, 8, 10) for name in ("weight", "bias")),
    *(f"classifier.{i}.{name}" for i in (1, 4, 6) for name in ("weight", "bias")),
]


PAPER = (96, 256, 384, 384, 256)
LITERAL = {"groups": 2, "lrn": True}  # options of the paper, to the letter
TORCHVISION = (64, 192, 384, 256, 256)


def _literal(**options: Any) -> models.AlexNet227:
    return models.AlexNet227(**options, **LITERAL)


def _twin(net: nn.Module, channels: tuple[int, ...], padding: int, num_classes: int) -> Any:
    """The network in PyTorch, on the same weights (the same memory)."""
    literal = any(isinstance(module, nn.LocalResponseNorm) for module in net.modules())
    with torch.device("meta"):  # no weights of its own
        options = LITERAL if literal else {}
        theirs = torch_models.AlexNet(channels, padding, num_classes, **options)
    state = {key: torch.from_numpy(value.cpu().numpy()) for key, value in net.state_dict().items()}
    theirs.load_state_dict(state, assign=True)
    return theirs


@pytest.mark.parametrize(
    "make, classes, channels, padding, count",
    [
        (models.AlexNet227, 1000, PAPER, 0, 62_378_344),
        (models.AlexNet227, 2, PAPER, 0, 58_289_538),
        (models.alexnet, 1000, TORCHVISION, 2, 61_100_840),
    ],
)
def test_counts_keys_and_repr(
    make: Any, classes: int, channels: Any, padding: int, count: int
) -> None:
    with no_init():
        net = make(num_classes=classes)
    assert sum(p.numel() for p in net.parameters()) == count
    assert list(net.state_dict()) == KEYS
    theirs = repr(_twin(net, channels, padding, classes))
    assert repr(net).split("\n")[1:] == theirs.split("\n")[1:]


@pytest.mark.parametrize(
    "make, size, channels, padding, dtype, tolerance",
    [
        pytest.param(
            models.AlexNet227,
            227,
            PAPER,
            0,
            np.float64,
            1e-10,
            marks=[pytest.mark.not_emulated, pytest.mark.slow],
        ),
        pytest.param(
            models.AlexNet227, 227, PAPER, 0, np.float32, 1e-4, marks=pytest.mark.not_emulated
        ),
        pytest.param(
            _literal,
            227,
            PAPER,
            0,
            np.float64,
            1e-10,
            marks=[pytest.mark.not_emulated, pytest.mark.slow],
        ),
        (models.alexnet, 67, TORCHVISION, 2, np.float64, 1e-10),
    ],
    ids=["paper-float64", "paper-float32", "literal-float64", "torchvision-float64"],
)
def test_outputs_and_every_gradient_equal_torch(
    make: Any, size: int, channels: Any, padding: int, dtype: Any, tolerance: float
) -> None:
    mc.manual_seed(0)
    ours = make(num_classes=2).eval()  # dropout draws other numbers than torch's
    ours.to(dtype=dtype)
    theirs = _twin(ours, channels, padding, 2).eval()
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 3, size, size)).astype(dtype)
    x, y = mc.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    logits, expected = ours(x), theirs(y)
    nn.functional.cross_entropy(logits, mc.tensor([0, 1])).backward()
    torch.nn.functional.cross_entropy(expected, torch.tensor([0, 1])).backward()

    pairs = {"logits": (logits.detach(), expected.detach()), "input": (x.grad, y.grad)}
    for (name, our), their in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        pairs[name] = (our.grad, their.grad)
    for name, (our, their) in pairs.items():
        scale = float(their.abs().max())
        assert scale > 0, name
        difference = np.abs(our.cpu().numpy() - their.cpu().numpy()).max()
        assert difference <= tolerance * scale, f"{name}: {difference} of {scale}"


def test_the_paper_to_the_letter_has_other_counts_and_keys() -> None:
    with no_init():
        net = _literal(num_classes=1000)
    assert sum(p.numel() for p in net.parameters()) == 60_965_224
    assert [key for key in net.state_dict() if key.startswith("features")] == [
        f"features.{i}.{name}" for i in (0, 4, 8, 10, 12) for name in ("weight", "bias")
    ]
    theirs = repr(_twin(net, PAPER, 0, 1000))
    assert repr(net).split("\n")[1:] == theirs.split("\n")[1:]


def test_kaiming_initialisation() -> None:
    mc.manual_seed(0)
    net = models.AlexNet227(2)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight.detach().cpu().numpy()
            fan_in = weight[0].size
            assert weight.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)
            assert not module.bias.detach().cpu().numpy().any()


def test_paper_initialisation_warns_and_sets_biases() -> None:
    mc.manual_seed(0)
    with pytest.warns(UserWarning, match="use init='kaiming'"):
        net = models.AlexNet227(2, init="paper")
    convolutions = [m for m in net.features if isinstance(m, nn.Conv2d)]
    assert [set(m.bias.tolist()) for m in convolutions] == [{0}, {1}, {0}, {1}, {1}]
    for conv in convolutions:
        assert conv.weight.detach().cpu().numpy().std() == pytest.approx(0.01, rel=0.02)
    assert net.classifier[1].weight.detach().cpu().numpy().std() == pytest.approx(
        (1 / 3 / 9216) ** 0.5, rel=0.02
    )


def test_dropout_rate_is_an_argument() -> None:
    with no_init():
        net = models.alexnet(num_classes=2, dropout=0.25)
    assert net.classifier[0].p == net.classifier[3].p == 0.25


@pytest.mark.parametrize(
    "shape, message",
    [
        ((1, 3, 224, 224), r"\(N, 3, 227, 227\), got \(1, 3, 224, 224\)"),
        ((1, 1, 227, 227), r"got \(1, 1, 227, 227\)"),
        ((3, 227, 227), r"got \(3, 227, 227\)"),
    ],
)
def test_wrong_input_is_named(shape: tuple[int, ...], message: str) -> None:
    with no_init():
        net = models.alexnet(num_classes=2)
    paper = models.AlexNet227.__new__(models.AlexNet227)  # forward checks before it computes
    with pytest.raises(ValueError, match=message):
        paper.forward(mc.zeros(*shape))
    with pytest.raises(ValueError, match=r"at least 63, got \(1, 3, 62, 70\)"):
        net(mc.zeros(1, 3, 62, 70))


def test_unknown_init_is_named() -> None:
    with pytest.raises(ValueError, match="one of .*'kaiming', 'paper'.*got 'xavier'"):
        models.AlexNet227(2, init="xavier")

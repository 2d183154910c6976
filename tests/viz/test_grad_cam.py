"""Grad-CAM against the paper's formula, computed with PyTorch's autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from viz.networks_to_explain import CONVOLUTION, IMAGES, POOLED, RELU, Wrapped, pair

import minicnn as mc
from minicnn import models, nn, viz


def by_hand(net: Any, images: np.ndarray, layer: str, classes: list[int]) -> np.ndarray:
    """ReLU of the weighted sum of a layer's maps, in the size of the images, divided by its maximum."""
    kept = []
    handle = dict(net.named_modules())[layer].register_forward_hook(
        lambda module, args, output: kept.append(output)
    )
    scores = net(torch.from_numpy(images))
    handle.remove()
    total = sum(score[label] for score, label in zip(scores, classes, strict=True))
    (gradients,) = torch.autograd.grad(total, kept[0])
    heat = torch.relu(torch.einsum("nchw,nc->nhw", kept[0], gradients.mean((2, 3))))
    heat = torch.nn.functional.interpolate(
        heat[:, None], images.shape[2:], mode="bilinear", align_corners=False
    )[:, 0]
    highest = heat.amax((1, 2), keepdim=True)
    assert (highest > 0).sum() >= 2
    return (heat / torch.where(highest > 0, highest, 1)).detach().numpy()


def assert_heat(heat: mc.Tensor, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    assert heat.shape == expected.shape and not heat.requires_grad
    np.testing.assert_allclose(heat.cpu().numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("layer", [CONVOLUTION, RELU, POOLED, "0"])
def test_a_layer_and_classes(layer: str, inplace: bool) -> None:
    ours, theirs = pair(inplace=inplace)
    expected = by_hand(theirs, IMAGES, layer, [4, 0, 2])
    images = mc.tensor(IMAGES)
    assert_heat(viz.grad_cam(ours, images, layer, [4, 0, 2]), expected)
    assert_heat(viz.grad_cam(ours, images, ours[int(layer)], mc.tensor([4, 0, 2])), expected)


def test_by_default_what_the_last_convolution_has_become_and_the_predicted_class() -> None:
    ours, theirs = pair(inplace=True)
    predicted = theirs(torch.from_numpy(IMAGES)).argmax(1).tolist()
    expected = by_hand(theirs, IMAGES, RELU, predicted)
    assert_heat(viz.grad_cam(ours, mc.tensor(IMAGES)), expected)
    assert_heat(viz.grad_cam(mc.compile(ours), mc.tensor(IMAGES)), expected)
    expected = by_hand(theirs, IMAGES, RELU, [1, 1, 1])
    assert_heat(viz.grad_cam(ours, mc.tensor(IMAGES), target=1), expected)


@pytest.mark.parametrize("switch", [mc.no_grad, mc.inference_mode, mc.enable_grad])
def test_frozen_networks_and_gradients_switched_off(switch: Any) -> None:
    ours, theirs = pair()
    ours.requires_grad_(False)
    images = mc.tensor(IMAGES).requires_grad_()
    expected = by_hand(theirs, IMAGES, RELU, [3, 3, 3])
    with switch():
        assert_heat(viz.grad_cam(ours, images, target=3), expected)
    assert images.grad is None


def test_a_backbone_under_no_grad_and_a_layer_that_runs_twice() -> None:
    ours, theirs = pair()

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.head = ours[:5], ours[5:]

        def forward(self, images: mc.Tensor) -> mc.Tensor:
            with mc.no_grad():
                self.features(images * 2)
                features = self.features(images)
            return self.head(features)

    expected = by_hand(theirs, IMAGES, POOLED, [3, 3, 3])
    assert_heat(viz.grad_cam(Frozen(), mc.tensor(IMAGES), "features", target=3), expected)
    with pytest.raises(ValueError, match=r"the score must depend on features.0, but no gradient"):
        viz.grad_cam(Frozen(), mc.tensor(IMAGES), "features.0")


def test_float32_channels_last_and_one_channel() -> None:
    ours, theirs = pair(channels=1)
    grey = np.ascontiguousarray(IMAGES[:, :1])
    expected = by_hand(theirs, grey, RELU, [0, 1, 2])
    images = mc.tensor(grey).float().to(memory_format=mc.channels_last)
    heat = viz.grad_cam(ours.float().to(memory_format=mc.channels_last), images, target=[0, 1, 2])
    assert heat.dtype == mc.float32
    assert_heat(heat, expected, 1e-5)


OUTPUTS: dict[str, Any] = {
    "a dict": lambda scores: {"aux": scores * 0, "out": scores},
    "a dict without out": lambda scores: {"scores": scores, "aux": scores * 0},
    "a tuple": lambda scores: (scores, scores * 0),
    "scores of pixels": lambda scores: {
        "out": scores[:, :, None, None] + mc.tensor([[1.0, -3.0], [0.0, 2.0]]).double()
    },
}


@pytest.mark.parametrize("form", OUTPUTS)
def test_forms_of_output(form: str) -> None:
    ours, theirs = pair()
    expected = by_hand(theirs, IMAGES, RELU, [4, 0, 2])
    net = Wrapped(ours, OUTPUTS[form])
    assert_heat(viz.grad_cam(net, mc.tensor(IMAGES), target=[4, 0, 2]), expected)


@pytest.mark.parametrize("form", [lambda z: z[:, 1:2], lambda z: z[:, 1]])
def test_one_logit_is_that_of_the_second_of_two_classes(form: Any) -> None:
    ours, theirs = pair()
    images = mc.tensor(IMAGES)
    logit = theirs(torch.from_numpy(IMAGES))[:, 1]
    expected = by_hand(theirs, IMAGES, RELU, [1, 1, 1])
    assert_heat(viz.grad_cam(Wrapped(ours, form), images, target=1), expected)
    negative = viz.grad_cam(Wrapped(ours, lambda z: -form(z)), images, target=0)
    assert_heat(negative, expected)
    predicted = viz.grad_cam(Wrapped(ours, form), images)
    chosen = viz.grad_cam(Wrapped(ours, form), images, target=(logit > 0).int().tolist())
    assert_heat(predicted, chosen.cpu().numpy())


@pytest.mark.parametrize("form", [lambda z: z.squeeze(), lambda z: z[:, 1:2].squeeze()])
def test_squeezed_scores_of_a_single_picture(form: Any) -> None:
    ours, _ = pair()
    images = mc.tensor(IMAGES)
    heat = viz.grad_cam(Wrapped(ours, form), images[:1], target=1)
    expected = viz.grad_cam(Wrapped(ours, form), images, target=1)
    assert_heat(heat, expected[:1].cpu().numpy())


class Branches(nn.Module):
    """Two convolutions side by side, an auxiliary head, and a gate that convolves single pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.block = Block()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 6, 1), nn.Sigmoid())
        self.head, self.aux = nn.Linear(6, 5), nn.Conv2d(4, 5, 1)

    def forward(self, images: mc.Tensor) -> dict[str, mc.Tensor]:
        early = self.stem(images)
        features = self.block(early)
        scores = self.head((features * self.gate(features)).mean((2, 3)))
        return {"out": scores, "aux": self.aux(early).mean((2, 3))}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(4, 3, 1, stride=2), nn.Conv2d(4, 3, 3, 2, 1)

    def forward(self, x: mc.Tensor) -> mc.Tensor:
        return mc.cat([self.left(x), self.right(x)], 1).relu()


def test_by_default_what_joins_branches() -> None:
    net, images = Branches(), mc.tensor(IMAGES).float()
    expected = viz.grad_cam(net, images, "block", 2)
    assert expected.cpu().numpy().std() > 0.01
    assert_heat(viz.grad_cam(net, images, target=2), expected.cpu().numpy())


@pytest.mark.not_emulated
@pytest.mark.parametrize(("name", "layer"), [("resnet18", "layer4"), ("googlenet", "inception5b")])
def test_by_default_the_last_block_of_published_networks(name: str, layer: str) -> None:
    options = {"init_weights": True} if name == "googlenet" else {}
    net, images = models.get_model(name, **options), mc.randn(2, 3, 96, 64)
    found = viz.grad_cam(net, images)
    assert found.shape == (2, 96, 64) and found.cpu().numpy().std() > 0.01
    assert_heat(found, viz.grad_cam(net, images, layer).cpu().numpy())


def test_nothing_that_speaks_for_a_class_is_cold() -> None:
    ours, _ = pair()
    heat = viz.grad_cam(Wrapped(ours, lambda scores: scores * 0), mc.tensor(IMAGES))
    assert heat.cpu().numpy().tolist() == np.zeros((3, 12, 10)).tolist()


def test_what_does_not_fit() -> None:
    net, images = pair()[0], mc.tensor(IMAGES)
    with pytest.raises(TypeError, match="grad_cam expects a tensor of images, got ndarray"):
        viz.grad_cam(net, IMAGES)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expects images \(N, C, H, W\), got \(3, 12, 10\)"):
        viz.grad_cam(net, images[0])
    with pytest.raises(ValueError, match="dotted name, got 'features'; there are 0, 1, 2"):
        viz.grad_cam(net, images, "features")
    with pytest.raises(ValueError, match="dotted name, got ReLU"):
        viz.grad_cam(net, images, nn.ReLU())
    with pytest.raises(
        ValueError, match=r"the layer must return \(N, channels, h, w\), got \(3, 5\)"
    ):
        viz.grad_cam(net, images, "7")
    with pytest.raises(ValueError, match="Linear has no Conv2d: name the layer"):
        viz.grad_cam(nn.Linear(10, 2), images)
    for target in (5, -1, [0, 1], [0.0, 1.0, 2.0], [[0], [1], [2]]):
        with pytest.raises(ValueError, match="a class from 0 to 4, or one for each of 3 pictures"):
            viz.grad_cam(net, images, target=target)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the network must return class scores, got NoneType"):
        viz.grad_cam(Wrapped(net, lambda scores: None), images)
    with pytest.raises(TypeError, match="the network must be a Module, got function"):
        viz.grad_cam(lambda images: images, images)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"for 3 pictures, got shape \(\)"):
        viz.grad_cam(Wrapped(net, mc.Tensor.sum), images)

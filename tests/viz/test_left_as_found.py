"""What explains a network leaves its modes, gradients, hooks and the random numbers as they were."""

from __future__ import annotations

from typing import Any

import pytest
from viz.networks_to_explain import IMAGES, layers

import minicnn as mc
from minicnn import nn, viz

CALLS: dict[str, Any] = {
    "grad_cam": viz.grad_cam,
    "grad_cam of a layer": lambda net, images: viz.grad_cam(net, images, "net.3"),
    "saliency": viz.saliency,
    "occlusion": lambda net, images: viz.occlusion(net, images, 8, 8),
    "feature_maps": lambda net, images: viz.feature_maps(net, images[0]),
    "filter_images": lambda net, images: viz.filter_images(net),
}


class Noisy(nn.Module):
    """Draws random numbers even in evaluation mode, and may fail at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.norm = layers(nn, inplace=True), nn.BatchNorm1d(5)
        self.fails = False

    def forward(self, images: mc.Tensor) -> mc.Tensor:
        scores = self.norm(self.net(images))
        if self.fails:
            raise KeyError("a network that fails")
        return nn.functional.dropout(scores, 0.1, training=True)


def state(net: nn.Module) -> Any:
    modules = list(net.modules())
    return (
        [module.training for module in modules],
        [(dict(m._forward_hooks), dict(m._forward_pre_hooks)) for m in modules],
        [(dict(m._backward_hooks), dict(m._backward_pre_hooks)) for m in modules],
        [(p.requires_grad, id(p.grad), p.numpy(force=True).tolist()) for p in net.parameters()],
        [buffer.numpy(force=True).tolist() for buffer in net.buffers()],
        mc.get_rng_state().tolist(),
        mc.is_grad_enabled(),
    )


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_left_as_found(call: str, fails: bool) -> None:
    net = Noisy()
    net.net[4].eval()
    net.net[0].requires_grad_(False)
    net.register_forward_hook(lambda module, args, output: None)
    next(net.net[2].parameters()).grad = mc.ones(8, 6, 3, 3)
    images = mc.tensor(IMAGES).float().requires_grad_()
    net.fails = fails
    before = state(net)
    if fails and call != "filter_images":
        with pytest.raises(KeyError, match="a network that fails"):
            CALLS[call](net, images)
    else:
        CALLS[call](net, images)
    assert state(net) == before
    assert images.grad is None and images.tolist() == mc.tensor(IMAGES).float().tolist()

"""summary: what it counts, and that it leaves the network as it was."""

from __future__ import annotations

import pytest

import minicnn as mc
from minicnn import nn


def test_counts_are_exact() -> None:
    net = nn.Sequential(
        nn.Conv2d(4, 6, (3, 2), stride=2, groups=2),
        nn.ReLU(),
        nn.Dropout(),
        nn.ConvTranspose2d(6, 4, 3, groups=2, bias=False),
        nn.Flatten(),
        nn.Linear(4 * 5 * 5, 3),
    )
    net[0].bias.requires_grad_(False)
    result = nn.summary(net, (2, 4, 8, 7))
    shapes = {layer.type: layer.output_shape for layer in result.layers}
    assert shapes["Conv2d"] == (2, 6, 3, 3)
    assert shapes["ConvTranspose2d"] == (2, 4, 5, 5)
    work = {layer.type: layer.multiply_adds for layer in result.layers}
    assert work["Conv2d"] == 2 * 6 * 3 * 3 * (2 * 3 * 2)  # outputs times weights of a filter
    assert work["ConvTranspose2d"] == 2 * 6 * 3 * 3 * (2 * 3 * 3)  # inputs times what each reaches
    assert work["Linear"] == 2 * 100 * 3
    assert result.multiply_adds == sum(work.values())
    assert [layer.parameters for layer in result.layers] == [78, 0, 0, 108, 0, 303]
    assert result.parameters == 489
    assert result.trainable_parameters == 483
    assert result.parameter_bytes == 489 * 4
    memory = {layer.type: layer.output_bytes for layer in result.layers}
    assert memory["Conv2d"] == memory["ReLU"] == 4 * 2 * 6 * 3 * 3
    assert memory["Linear"] == 4 * 2 * 3
    assert memory["Dropout"] == 0  # evaluation hands its input on
    assert result.activation_bytes == sum(memory.values())


def test_shared_layers_count_once_but_run_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x: mc.Tensor) -> mc.Tensor:
            return self.fc(self.fc(x))

    result = nn.summary(Twice(), (1, 3))
    assert [(layer.name, layer.parameters) for layer in result.layers] == [("fc", 12), ("fc", 0)]
    assert result.parameters == 12 and result.multiply_adds == 18


def test_table_and_untouched_network() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout())
    net[2].eval()
    text = str(nn.summary(net, (1, 3, 10, 10)))
    assert "0      Conv2d       (1, 8, 8, 8)" in text
    assert "parameters: 240 (240 trainable, 0.00 MB)" in text
    assert "multiply-adds: 13,824" in text
    assert net.training and net[1].training and not net[2].training
    assert int(net[1].num_batches_tracked) == 0
    with pytest.raises(Exception, match="channels"):
        nn.summary(net, (1, 4, 10, 10))
    assert not any(module._forward_hooks for module in net.modules())
    assert net.training and not net[2].training

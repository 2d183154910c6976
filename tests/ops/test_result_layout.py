"""Joined and normalised tensors lie in memory as torch's do, so that dropout draws the same mask."""

import pytest
import torch

import minicnn as mc

CASES = {
    "an expanded token in front": lambda t, x: t.cat((x[:1, :1].expand(2, -1, -1), x), 1),
    "transposed tensors, stacked": lambda t, x: t.stack([x.transpose(0, 1)] * 2),
    "transposed tensors, joined": lambda t, x: t.cat([x.permute(2, 0, 1)] * 2, 1),
    "layer norm of transposed tokens": lambda t, x: t.nn.functional.layer_norm(
        x.transpose(0, 1), (3,)
    ),
}


def result(t, case):
    return CASES[case](t, t.arange(30.0).reshape(2, 5, 3))


@pytest.mark.parametrize("case", CASES)
def test_strides(case):
    assert result(mc, case).stride() == result(torch, case).stride()


@pytest.mark.cpu_only  # on a GPU, dropout draws other numbers
@pytest.mark.parametrize("case", CASES)
def test_dropout(case):
    masks = []
    for t in (torch, mc):
        x = result(t, case)
        t.manual_seed(0)
        masks.append((t.nn.functional.dropout(x + 1) == 0).tolist())
    assert masks[0] == masks[1]


def test_channels_last_images_stay_so():
    images = mc.zeros(2, 3, 4, 5).contiguous(memory_format=mc.channels_last)
    assert mc.cat([images, images], 1).is_contiguous(memory_format=mc.channels_last)

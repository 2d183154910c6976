"""A network is trained from shards, as by examples/train_classifier.py from folders."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shards import write_shard

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, optim, transforms
from minicnn.data import DataLoader, WebDataset

pytestmark = pytest.mark.cpu_only


def picture(number: int) -> bytes:
    """Noise that is reddish in class 0 and bluish in class 1."""
    pixels = np.random.default_rng(number).integers(0, 128, (24, 20, 3), np.uint8)
    pixels[:, :, 0 if number % 2 == 0 else 2] += 100
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def shards(folder: Path) -> str:
    for shard in range(4):
        numbers = range(16 * shard, 16 * shard + 16)
        files = [
            (f"n{i:08d}.{end}", data)
            for i in numbers
            for end, data in (("jpg", picture(i)), ("cls", str(i % 2).encode()))
        ]
        write_shard(folder / f"imagenet1k-train-{shard:04d}.tar", files)
    return f"{folder}/imagenet1k-train-{{0000..0003}}.tar"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_network_learns_from_shards(tmp_path, num_workers):
    augment = transforms.Compose(
        [
            transforms.RandomResizedCrop(16, antialias=True),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
    )

    def losses() -> list[float]:
        mc.manual_seed(0)
        dataset = WebDataset(shards(tmp_path), shuffle=32, transform=augment)
        loader = DataLoader(dataset, 16, num_workers=num_workers)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
        optimizer = optim.Adam(net.parameters(), lr=0.05)
        seen = []
        for _ in range(6):
            for images, labels in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(net(images), labels)
                loss.backward()
                optimizer.step()
                seen.append(loss.item())
        assert len(seen) == 24
        return seen

    first = losses()
    assert np.mean(first[-4:]) < 0.2 < first[0]
    assert losses() == first

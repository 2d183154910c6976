"""The networks of ``minicnn.models`` in PyTorch, with the same keys: to test and measure against.

The first families are written here. Networks that came later are torchvision's, and need it.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

# ---- AlexNet ----


class AlexNet(nn.Module):
    """Each AlexNet: by the channels of its convolutions and the padding of the first."""

    def __init__(
        self,
        channels: tuple[int, ...],
        padding: int,
        num_classes: int,
        groups: int = 1,
        lrn: bool = False,
    ) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = channels

        def norm() -> list[nn.Module]:
            return [nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)] if lrn else []

        self.features = nn.Sequential(
            nn.Conv2d(3, c1, 11, 4, padding), nn.ReLU(True), *norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(c1, c2, 5, padding=2, groups=groups), nn.ReLU(True), *norm(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(True),
            nn.Conv2d(c3, c4, 3, padding=1, groups=groups), nn.ReLU(True),
            nn.Conv2d(c4, c5, 3, padding=1, groups=groups), nn.ReLU(True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        if padding:
            self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(inplace=True),
            nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)
        x = self.avgpool(x) if hasattr(self, "avgpool") else x
        return self.classifier(x.flatten(1))


def alexnet(num_classes: int = 1000) -> AlexNet:
    return AlexNet((64, 192, 384, 256, 256), 2, num_classes)


def alexnet227(num_classes: int = 1000) -> AlexNet:
    return AlexNet((96, 256, 384, 384, 256), 0, num_classes)


# ---- VGG ----

VGG_LAYERS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


def vgg_features(name: str, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for item in VGG_LAYERS[name].split():
        if item == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers.append(nn.Conv2d(channels, int(item), 3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(int(item)))
        layers.append(nn.ReLU(inplace=True))
        channels = int(item)
    return nn.Sequential(*layers)


class VGG(nn.Module):
    def __init__(self, name: str, num_classes: int) -> None:
        super().__init__()
        self.features = vgg_features(name.removesuffix("_bn"), name.endswith("_bn"))
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(25088, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


# ---- ResNet ----


class Block(nn.Module):
    """Both blocks of ResNet: kernel sizes (3, 3), or (1, 3, 1) with four times the channels."""

    def __init__(
        self, inputs: int, channels: int, kernels: tuple[int, ...], stride: int, dilation: int,
        project: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        outputs = channels * (4 if len(kernels) == 3 else 1)
        widths = [inputs, *[channels] * (len(kernels) - 1), outputs]
        strided = kernels.index(3)
        for i, kernel in enumerate(kernels):
            conv = nn.Conv2d(
                widths[i], widths[i + 1], kernel, stride if i == strided else 1,
                padding=dilation * (kernel // 2), dilation=dilation if kernel == 3 else 1,
                bias=False,
            )  # fmt: skip
            setattr(self, f"conv{i + 1}", conv)
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
        self.count = len(kernels)
        if project:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = self.downsample(x) if hasattr(self, "downsample") else x
        for i in range(1, self.count + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            x = F.relu(x if i < self.count else x + identity)
        return x


RESNET_LAYERS = {
    "resnet18": ((3, 3), (2, 2, 2, 2)),
    "resnet34": ((3, 3), (3, 4, 6, 3)),
    "resnet50": ((1, 3, 1), (3, 4, 6, 3)),
    "resnet101": ((1, 3, 1), (3, 4, 23, 3)),
    "resnet152": ((1, 3, 1), (3, 8, 36, 3)),
}


def resnet_parts(name: str, dilate: tuple[bool, ...]) -> OrderedDict[str, nn.Module]:
    kernels, counts = RESNET_LAYERS[name]
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(),
        maxpool=nn.MaxPool2d(3, 2, 1),
    )
    inputs, dilation = 64, 1
    for stage, count in enumerate(counts):
        channels = 64 << stage
        stride, first_dilation = (1 if stage == 0 else 2), dilation
        if dilate[stage]:
            stride, dilation = 1, 2 * dilation
        outputs = channels * (4 if len(kernels) == 3 else 1)
        project = stride != 1 or inputs != outputs
        blocks = [Block(inputs, channels, kernels, stride, first_dilation, project)]
        blocks += [Block(outputs, channels, kernels, 1, dilation, False) for _ in range(count - 1)]
        parts[f"layer{stage + 1}"] = nn.Sequential(*blocks)
        inputs = outputs
    return parts


class ResNet(nn.Module):
    def __init__(self, name: str, num_classes: int) -> None:
        super().__init__()
        for part, module in resnet_parts(name, (False,) * 4).items():
            self.add_module(part, module)
        self.fc = nn.Linear(512 * (4 if len(RESNET_LAYERS[name][0]) == 3 else 1), num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name, module in self.named_children():
            x = module(x.mean((2, 3)) if name == "fc" else x)
        return x


# ---- GoogLeNet ----


def conv_bn(inputs: int, outputs: int, kernel: int, **options: Any) -> nn.Sequential:
    layers = OrderedDict(
        conv=nn.Conv2d(inputs, outputs, kernel, bias=False, **options),
        bn=nn.BatchNorm2d(outputs, eps=1e-3),
        relu=nn.ReLU(),
    )
    return nn.Sequential(layers)


class Inception(nn.Module):
    def __init__(self, inputs: int, a: int, b1: int, b2: int, c1: int, c2: int, d: int, k: int):
        super().__init__()
        self.branch1 = conv_bn(inputs, a, 1)
        self.branch2 = nn.Sequential(conv_bn(inputs, b1, 1), conv_bn(b1, b2, 3, padding=1))
        self.branch3 = nn.Sequential(conv_bn(inputs, c1, 1), conv_bn(c1, c2, k, padding=k // 2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv_bn(inputs, d, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


class Auxiliary(nn.Module):
    def __init__(self, inputs: int, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_bn(inputs, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), 0.7, self.training))


class GoogLeNet(nn.Module):
    """Returns (logits, aux2, aux1) in training, logits else."""

    def __init__(self, num_classes: int, kernel5: int = 3) -> None:
        super().__init__()
        pool = {"stride": 2, "ceil_mode": True}
        self.conv1 = conv_bn(3, 64, 7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, **pool)
        self.conv2 = conv_bn(64, 64, 1)
        self.conv3 = conv_bn(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, **pool)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32, kernel5)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64, kernel5)
        self.maxpool3 = nn.MaxPool2d(3, **pool)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64, kernel5)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64, kernel5)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64, kernel5)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64, kernel5)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128, kernel5)
        self.maxpool4 = nn.MaxPool2d(2, **pool)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128, kernel5)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128, kernel5)
        self.aux1 = Auxiliary(512, num_classes)
        self.aux2 = Auxiliary(528, num_classes)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> Any:
        auxiliary = []
        for name, module in self.named_children():
            if name in ("aux1", "aux2"):
                continue
            x = module(x.mean((2, 3)) if name == "dropout" else x)
            if self.training and name in ("inception4a", "inception4d"):
                auxiliary.append((self.aux1 if name == "inception4a" else self.aux2)(x))
        return (x, *reversed(auxiliary)) if self.training else x


# ---- FCN ----


def fcn_head(inputs: int, num_classes: int) -> nn.Sequential:
    channels = inputs // 4
    return nn.Sequential(
        nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        nn.Dropout(0.1), nn.Conv2d(channels, num_classes, 1),
    )  # fmt: skip


class FCN(nn.Module):
    """On a ResNet; returns a dict with "out" and "aux"."""

    def __init__(self, name: str, num_classes: int) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict(resnet_parts(name, (False, False, True, True)))
        self.classifier = fcn_head(2048, num_classes)
        self.aux_classifier = fcn_head(1024, num_classes)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        size, scores = x.shape[2:], {}
        for name, module in self.backbone.items():
            x = module(x)
            if name == "layer3":
                scores["aux"] = F.interpolate(self.aux_classifier(x), size, mode="bilinear")
        return {"out": F.interpolate(self.classifier(x), size, mode="bilinear"), **scores}


class FCNVGG(nn.Module):
    """FCN-32s, -16s or -8s; returns a dict with "out"."""

    def __init__(self, scale: int, num_classes: int) -> None:
        super().__init__()
        self.features = vgg_features("vgg16", batch_norm=False)
        self.classifier = nn.Sequential(
            nn.Conv2d(512, 4096, 7, padding=3), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Conv2d(4096, 4096, 1), nn.ReLU(inplace=True), nn.Dropout(),
        )  # fmt: skip
        self.score = nn.Conv2d(4096, num_classes, 1)
        if scale <= 16:
            self.score_pool4 = nn.Conv2d(512, num_classes, 1)
        if scale <= 8:
            self.score_pool3 = nn.Conv2d(256, num_classes, 1)
        if scale <= 16:
            self.upscore_pool5 = self.enlarge(num_classes, 2)
        if scale <= 8:
            self.upscore_pool4 = self.enlarge(num_classes, 2)
        self.upscore = self.enlarge(num_classes, scale)
        self.scale = scale

    @staticmethod
    def enlarge(channels: int, scale: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(channels, channels, 2 * scale, scale, scale // 2, bias=False)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        pool3 = self.features[:17](x)
        pool4 = self.features[17:24](pool3)
        score = self.score(self.classifier(self.features[24:](pool4)))
        if self.scale <= 16:
            score = self.upscore_pool5(score, pool4.shape[2:]) + self.score_pool4(pool4)
        if self.scale <= 8:
            score = self.upscore_pool4(score, pool3.shape[2:]) + self.score_pool3(pool3)
        return {"out": self.upscore(score, x.shape[2:])}


def get_model(name: str, num_classes: int = 1000) -> nn.Module:
    """The network that ``minicnn.models.get_model`` gives for ``name``."""
    special: dict[str, Callable[[int], nn.Module]] = {
        "alexnet": alexnet,
        "alexnet227": alexnet227,
        "googlenet": GoogLeNet,
    }
    if name in special:
        return special[name](num_classes)
    if name.startswith("fcn_"):
        return FCN(name.removeprefix("fcn_"), num_classes)
    if name.startswith("fcn"):
        return FCNVGG(int(name[3:-1]), num_classes)
    if name.startswith("vgg"):
        return VGG(name, num_classes)
    if name in RESNET_LAYERS:
        return ResNet(name, num_classes)
    options = {"aux_loss": True} if name.startswith("deeplabv3_") else {}
    return of_torchvision(name, num_classes, **options)


def of_torchvision(name: str, num_classes: int, **options: Any) -> nn.Module:
    """torchvision's network of that name, with its own first weights."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from with_torchvision import torchvision

    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # with SciPy, which takes a minute
    if name.startswith(("fcn", "deeplabv3", "lraspp")):
        options["weights_backbone"] = None  # which would be downloaded
    return torchvision.models.get_model(name, num_classes=num_classes, **options)

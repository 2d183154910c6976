"""What the processes of ``train_step.py`` can be asked for: the steps of training and inference.

Neither framework is imported but inside the functions, since each has a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx_runtime
from common import synchronizer
from memory import peak_bytes_reader
from mobilenet import mobilenet

# "alexnet" is the one for 227 pixels; torchvision's goes by "alexnet_torchvision"
SPECIAL_NAMES = {"alexnet": "alexnet227", "alexnet_torchvision": "alexnet"}
MOBILENET = "mobilenet_blocks"
SIZES = {"alexnet": 227, "inception_v3": 299}  # height and width, where they are not 224
NUM_CLASSES = 2
SGD_OPTIONS: dict[str, Any] = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
SEGMENTERS = ("fcn", "deeplabv3", "lraspp")  # how the names begin
AUXILIARY = {"classifier": 0.3, "segmenter": 0.5}  # weights of the losses of auxiliary classifiers

Calls = dict[str, Callable[..., Any]]


def model_names() -> list[str]:
    """Of all networks, as ``--model`` takes them."""
    from minicnn import models

    others = [name for name in models.list_models() if name not in SPECIAL_NAMES.values()]
    return [*SPECIAL_NAMES, *others, MOBILENET]


def batch_of(model: str, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, the same in every process."""
    rng = np.random.default_rng(0)
    size = SIZES.get(model, 224)
    images = rng.standard_normal((batch, 3, size, size), dtype=np.float32)
    labels = (batch, size, size) if model.startswith(SEGMENTERS) else batch
    return images, rng.integers(0, NUM_CLASSES, labels)


def minicnn_network(model: str) -> Any:
    """A network of minicnn; every process makes it with the same weights.

    With the usual first weights and BatchNorm's first statistics, GoogLeNet's outputs do not depend
    on the images before it is trained, and comparing them would show nothing.
    """
    import minicnn as mc
    from minicnn import models, nn

    mc.manual_seed(0)
    if model == MOBILENET:
        net = mobilenet(nn, NUM_CLASSES)
    else:
        options = {"aux_loss": True} if model.startswith(("fcn_", "deeplabv3_")) else {}
        name = SPECIAL_NAMES.get(model, model)
        net = models.get_model(name, num_classes=NUM_CLASSES, **options)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return net


def torch_network(model: str) -> Any:
    """The same network in PyTorch."""
    import torch
    import torch_models

    if model == MOBILENET:
        return mobilenet(torch.nn, NUM_CLASSES)
    return torch_models.get_model(SPECIAL_NAMES.get(model, model), NUM_CLASSES)


def loss_of(outputs: Any, labels: Any, cross_entropy: Any) -> Any:
    """The loss of a network's outputs, with those of auxiliary classifiers if it has any."""
    if isinstance(outputs, dict):  # of a segmenter: "out" and perhaps "aux"
        outputs, share = tuple(outputs.values()), AUXILIARY["segmenter"]
    elif isinstance(outputs, tuple):
        share = AUXILIARY["classifier"]
    else:
        outputs, share = (outputs,), 0.0
    losses = [cross_entropy(scores, labels) for scores in outputs]
    return sum((share * loss for loss in losses[1:]), losses[0])


class Training:
    """A network with its batch and optimizer; the calls are the same in both frameworks."""

    def __init__(
        self, net: Any, cross_entropy: Any, optimizer: Any, images: Any, labels: Any
    ) -> None:
        self.net = net
        self.cross_entropy = cross_entropy
        self.sgd = optimizer
        self.images = images
        self.labels = labels
        self.loss: Any = None

    def forward(self) -> None:
        self.loss = loss_of(self.net(self.images), self.labels, self.cross_entropy)

    def backward(self) -> None:
        self.loss.backward()

    def optimizer(self) -> None:
        self.sgd.step()
        self.sgd.zero_grad()
        self.loss = None

    def loss_without_dropout(self) -> float:
        self.net.eval()
        self.forward()
        self.net.train()
        loss, self.loss = float(self.loss.item()), None
        return loss

    def calls(self) -> Calls:
        return {
            "forward": self.forward,
            "backward": self.backward,
            "optimizer": self.optimizer,
            "answer": self.loss_without_dropout,
        }


def inference_calls(run: Callable[[Any], Any], no_grad: Any, images: Any) -> Calls:
    """Inference of a network, or of what was compiled from it."""

    def inference() -> None:
        with no_grad():
            run(images)

    def answer() -> np.ndarray:
        with no_grad():
            outputs = run(images)
        outputs = outputs["out"] if isinstance(outputs, dict) else outputs  # of a segmenter
        return outputs.cpu().numpy()

    return {"inference": inference, "answer": answer}


def minicnn_training(model: str, batch: int, device: str) -> Calls:
    import minicnn as mc
    from minicnn import nn, optim

    peak = peak_bytes_reader("minicnn", device)
    images, labels = (mc.from_numpy(array).to(device) for array in batch_of(model, batch))
    net = minicnn_network(model).to(device)
    sgd = optim.SGD(net.parameters(), **SGD_OPTIONS)
    calls = Training(net, nn.CrossEntropyLoss(), sgd, images, labels).calls()
    return {**calls, **_weights_in_minicnn(net), **_measures("minicnn", device, peak)}


def minicnn_inference(model: str, batch: int, device: str, compiled: bool = False) -> Calls:
    """Inference with the network itself or with what ``mc.compile`` makes of it."""
    import minicnn as mc

    peak = peak_bytes_reader("minicnn", device)
    images = mc.from_numpy(batch_of(model, batch)[0]).to(device)
    net = minicnn_network(model).to(device).eval()
    calls = inference_calls(mc.compile(net) if compiled else net, mc.no_grad, images)
    return {**calls, **_weights_in_minicnn(net), **_measures("minicnn", device, peak)}


def torch_training(model: str, batch: int, device: str, layout: str) -> Calls:
    import torch

    peak = peak_bytes_reader("torch", device)
    memory_format = getattr(torch, layout)
    images, labels = (torch.from_numpy(array).to(device) for array in batch_of(model, batch))
    images = images.contiguous(memory_format=memory_format)
    net = torch_network(model).to(device, memory_format=memory_format)
    sgd = torch.optim.SGD(net.parameters(), **SGD_OPTIONS)
    calls = Training(net, torch.nn.CrossEntropyLoss(), sgd, images, labels).calls()
    return {**calls, **_weights_in_torch(net), **_measures("torch", device, peak)}


def torch_inference(model: str, batch: int, device: str, layout: str) -> Calls:
    import torch

    peak = peak_bytes_reader("torch", device)
    memory_format = getattr(torch, layout)
    images = torch.from_numpy(batch_of(model, batch)[0]).to(device)
    images = images.contiguous(memory_format=memory_format)
    net = torch_network(model).to(device, memory_format=memory_format).eval()
    calls = inference_calls(net, torch.no_grad, images)
    return {**calls, **_weights_in_torch(net), **_measures("torch", device, peak)}


def onnxruntime_inference(model: str, batch: int, path: Path, threads: int) -> Calls:
    """Inference with the file that :func:`torch_export` wrote."""
    return onnx_runtime.onnxruntime_calls(path, batch_of(model, batch)[0], threads)


def torch_export(model: str, batch: int, path: Path) -> Calls:
    """The calls ``load`` and ``export``, which writes an ONNX file."""
    import torch

    net, images = torch_network(model), torch.from_numpy(batch_of(model, batch)[0])

    def export() -> None:
        onnx_runtime.export(net, images, path)

    return {**_weights_in_torch(net), "export": export}


def _weights_in_minicnn(net: Any) -> Calls:
    import minicnn as mc

    def save(path: Path) -> None:
        weights: dict[str, Any] = {k: v.cpu().numpy() for k, v in net.state_dict().items()}
        np.savez(path, **weights)

    def load(path: Path) -> None:
        with np.load(path) as weights:
            net.load_state_dict({key: mc.tensor(weights[key]) for key in weights.files})

    return {"save": save, "load": load}


def _weights_in_torch(net: Any) -> Calls:
    import torch

    def load(path: Path) -> None:
        with np.load(path) as weights:
            net.load_state_dict({key: torch.from_numpy(weights[key]) for key in weights.files})

    return {"load": load}


def _measures(framework: str, device: str, peak: Callable[[], float]) -> Calls:
    return {"peak_bytes": peak, "synchronize": synchronizer(sys.modules[framework], device)}

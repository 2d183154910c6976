"""Every network of ``models`` on small images, with weights that take neither a file nor memory.

    python tests/every_network.py

records what torchvision's networks compute in models/every_network.json.
"""

from __future__ import annotations

import fnmatch
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from networks import build

import minicnn as mc
from minicnn import models
from minicnn.models._api import PUBLISHED

__all__ = [
    "HEAVY",
    "LARGE",
    "NAMES",
    "RECORDED",
    "count",
    "forget_weights",
    "images_for",
    "make_ours",
    "make_theirs",
    "results",
    "side_for",
    "signature",
    "sums",
    "tensors_of",
    "weights",
]  # fmt: skip

RECORDED = Path(__file__).parent / "models" / "every_network.json"
NAMES = sorted(PUBLISHED)  # the others are not torchvision's
LARGE = 200_000_000  # parameters: beyond it keys and shapes are compared alone
HEAVY = 60_000_000  # parameters: beyond it no gradients are
WIDE = 1_000_000  # elements: weights beyond it get no gradients
SIDE = 48  # pixels of the images
_SIDES = {
    "alexnet": 64,
    "alexnet227": 227,
    "densenet*": 64,
    "fcn??s": 64,
    "fcn8s": 64,
    "inception_v3": 75,
    "vit_?_32": 64,
    "vit_h_14": 56,
}
# mean of the weights of norms: with less, images make no difference; with more, numbers grow endlessly
NORM = 0.75
_NORMS = {"efficientnet_b*": 0.9, "inception_v3": 0.9, "mobilenet_v3_small": 0.9}


def _find(table: Mapping[str, Any], name: str, default: Any) -> Any:
    """The entry of a pattern that fits the name."""
    return next((x for pattern, x in table.items() if fnmatch.fnmatch(name, pattern)), default)


def side_for(name: str) -> int:
    """Pixels of the height and the width of a network's images."""
    side: int = _find(_SIDES, name, SIDE)
    return side


def images_for(name: str, batch: int = 2, dtype: str = "float64") -> np.ndarray:
    """(batch, 3, H, W)"""
    side = side_for(name)
    return np.random.default_rng(1).normal(size=(batch, 3, side, side)).astype(dtype)


def options_for(name: str) -> dict[str, Any]:
    """Arguments of a network for its images, without published weights."""
    if name in models.list_models(models.segmentation):
        auxiliary = {"aux_loss": True} if name.startswith(("fcn_", "deeplabv3")) else {}
        return {"weights_backbone": None, **auxiliary}
    if name.startswith("vit_"):
        return {"image_size": side_for(name)}
    if name == "inception_v3":  # whose auxiliary classifier takes images of 299 pixels
        return {"aux_logits": False, "init_weights": False}
    return {"init_weights": False} if name == "googlenet" else {}


# ------------------------------------------------------------------------------- weights


_BLOCKS: dict[tuple[str, int], np.ndarray] = {}
_PERIOD = 1_000_003


def _block(size: int, dtype: str, exponent: int) -> np.ndarray:
    """At least ``size`` numbers between ±2**exponent, a million of them again and again."""
    block = _BLOCKS.get((dtype, exponent))
    if block is None or len(block) < size:
        numbers = np.random.default_rng(0).uniform(-1, 1, _PERIOD) * 2.0**exponent
        rows = np.empty((-(-size // _PERIOD), _PERIOD), dtype)
        rows[:] = numbers.astype(np.float32)
        _BLOCKS[dtype, exponent] = block = rows.reshape(-1)
    return block


def _numbers(key: str, shape: tuple[int, ...], dtype: str, norm: float) -> np.ndarray:
    """A part of an array that weights of all networks share, another one for each key."""
    count = int(np.prod(shape))
    wide = count // shape[0] if len(shape) > 1 else 1
    exponent = round(np.log2((6 / wide) ** 0.5)) if wide > 1 else -3
    offset = zlib.crc32(key.encode()) % _PERIOD
    numbers = _block(offset + count, dtype, exponent)[offset : offset + count].reshape(shape)
    if "running_" in key or (len(shape) == 1 and key.endswith("weight")):  # each has its own
        return numbers + (0 if key.endswith("mean") else norm if key.endswith("weight") else 1)
    return numbers


def forget_weights() -> None:
    """Frees the memory that the weights share."""
    _BLOCKS.clear()


def weights(name: str, state: Mapping[str, Any], dtype: str) -> dict[str, np.ndarray]:
    """Arrays by key; all but those of norms share memory, and must not be written to."""
    norm = _find(_NORMS, name, NORM)
    return {
        key: np.zeros(value.shape, np.int64)
        if key.endswith("tracked")
        else _numbers(key, tuple(value.shape), dtype, norm)
        for key, value in state.items()
    }


# ------------------------------------------------------------------------------ networks


def make_ours(name: str, dtype: str | None = "float64") -> Any:
    """A network of minicnn; without ``dtype`` its weights are whatever was in memory."""
    net = build(name, **options_for(name))
    if dtype is not None:
        arrays = weights(name, net.state_dict(), dtype)
        net.load_state_dict({k: mc.Tensor.of(x) for k, x in arrays.items()}, assign=True)
    return net


_DRAWING = ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_",
            "xavier_uniform_")  # fmt: skip


def make_theirs(name: str, dtype: str | None = "float64") -> Any:
    """The same of torchvision."""
    import torch
    from twins import use_exact_gradients
    from with_torchvision import torchvision

    with mock.patch.multiple(torch.nn.init, **dict.fromkeys(_DRAWING, lambda x, *_, **__: x)):
        net = torchvision.models.get_model(name, weights=None, **options_for(name))
    use_exact_gradients(net)
    if dtype is not None:
        state = net.state_dict()  # which has the versions of the keys, too
        arrays = weights(name, state, dtype)
        state.update((key, torch.from_numpy(x)) for key, x in arrays.items())
        net.load_state_dict(state, assign=True)
    return net


def count(net: Any) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def signature(net: Any) -> list[str]:
    """Keys and shapes of a ``state_dict``."""
    return [f"{key} {tuple(value.shape)}" for key, value in net.state_dict().items()]


def results(net: Any, library: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs in evaluation and in training, gradients of a loss of the latter, and buffers after it.

    Args:
        net: a network of ``library``, which is minicnn or torch.
        images: (N, 3, H, W).

    Returns:
        Arrays by name.
    """
    found: dict[str, np.ndarray] = {}
    heavy = count(net) > HEAVY
    for parameter in net.parameters():
        parameter.requires_grad_(parameter.numel() <= WIDE)
    with library.no_grad():
        for i, out in enumerate(tensors_of(net.eval()(library.tensor(images)))):
            found[f"evaluation {i}"] = out.numpy()
    library.manual_seed(0)  # of dropout and stochastic depth
    x = library.tensor(images, requires_grad=True)
    with library.set_grad_enabled(not heavy):
        outputs = tensors_of(net.train()(x))
    found |= {f"training {i}": out.detach().numpy() for i, out in enumerate(outputs)}
    if not heavy:
        rng = np.random.default_rng(2)
        drawn = (library.tensor(rng.normal(size=tuple(out.shape))) for out in outputs)
        sum((out * some).sum() for out, some in zip(outputs, drawn, strict=True)).backward()
        found["gradient of the images"] = x.grad.numpy()
    for name, parameter in net.named_parameters():
        if parameter.grad is not None:
            found[f"gradient of {name}"] = parameter.grad.numpy()
    for name, buffer in net.named_buffers():
        found[name] = buffer.numpy()
    return found


def tensors_of(outputs: Any) -> list[Any]:
    """The tensors that a network returns."""
    values: Iterable[Any] = outputs.values() if isinstance(outputs, dict) else outputs
    return [outputs] if hasattr(outputs, "shape") else list(values)


def sums(found: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Of each kind of result the sum and the sum of absolute values, over all its arrays."""
    kinds: dict[str, list[float]] = {}
    for name, array in found.items():
        kind = name.partition(" ")[0] if " " in name else "buffers"
        total = kinds.setdefault(kind, [0.0, 0.0])
        total[0] += float(array.sum(dtype=np.float64))
        total[1] += float(np.abs(array).sum(dtype=np.float64))
    return {kind: (a, b) for kind, (a, b) in kinds.items()}


def _record(name: str) -> dict[str, Any]:
    import torch

    net = make_theirs(name, None)
    entry: dict[str, Any] = {
        "parameters": count(net), "keys": zlib.crc32("\n".join(signature(net)).encode())
    }  # fmt: skip
    if entry["parameters"] <= LARGE:
        entry |= sums(results(make_theirs(name), torch, images_for(name)))
    return entry


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)  # two wait for each other on small images
    entries = [f"{json.dumps(name)}: {json.dumps(_record(name))}" for name in NAMES]
    RECORDED.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")

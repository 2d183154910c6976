"""ONNX Runtime's inference, of models that PyTorch exports.

Needs onnx, onnxscript and onnxruntime (in a clone: ``pip install -e ".[benchmarks]"``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from memory import peak_bytes_reader

__all__ = ["check_installed", "export", "onnxruntime_calls"]

PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime")


def check_installed() -> None:
    """Raises ImportError that names the packages that are missing, and how to install them."""
    missing = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise ImportError(
            f"onnxruntime is measured with {', '.join(PACKAGES)}, but {', '.join(missing)} cannot "
            'be found; in a clone: pip install -e ".[benchmarks]"'
        )


def export(net: Any, images: Any, path: Path) -> None:
    """Write a PyTorch network in inference mode to an ONNX file, for inputs of one shape."""
    import torch

    torch.onnx.export(net.eval(), (images,), path, dynamo=True, verbose=False)


def onnxruntime_calls(
    path: Path, images: np.ndarray, threads: int
) -> dict[str, Callable[..., Any]]:
    """Inference with a model on the CPU, with ONNX Runtime's default optimisations.

    Args:
        path: of the ONNX file.
        images: its input.
        threads: that compute.
    """
    import onnxruntime

    peak = peak_bytes_reader("onnxruntime", "cpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: images}

    def inference() -> None:
        session.run(None, feed)

    def answer() -> np.ndarray:
        return session.run(None, feed)[0]

    return {"inference": inference, "answer": answer, "peak_bytes": peak}

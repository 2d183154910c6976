"""Linear layers as a step."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..runtime.windows import even_slices
from .epilogue import epilogue
from .step import FLOAT, Call, Limits, Part, Step

__all__ = ["linear"]


def linear(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    out: np.ndarray,
    limits: Limits | None = None,
    threads: int = 1,
) -> list[Step]:
    """The steps that compute ``out`` (N, O) = x (N, K) times the transpose of ``weight`` (O, K).

    ``bias`` and limits follow, if there are any. Each part has some of the outputs, because for few
    samples reading the weights takes most of the time. The two orientations of the product differ in
    speed.
    """
    weight = weight.astype(FLOAT, copy=False)
    parts: list[Part] = []
    transposed: list[Part] = []
    for some in even_slices(len(weight), threads):
        target, rows = out[:, some], weight[some]
        ending = epilogue(target[:, None, None], None if bias is None else bias[some], None, limits)
        parts.append(Part([partial(np.matmul, x, rows.T, target), *ending]))
        result = np.empty((len(rows), len(x)), FLOAT)
        calls: list[Call] = [
            partial(np.matmul, rows, x.T, result),
            partial(np.copyto, target, result.T),
            *ending,
        ]
        transposed.append(Part(calls))
    steps = [Step("linear", parts)]
    if len(x) > 1:
        steps.append(Step("linear, transposed", transposed))
    return steps

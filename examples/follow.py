"""Follow one operation through minicnn: every file and function on its way, there and back.

    python examples/follow.py conv2d --kernels plain
    python examples/follow.py max_pool2d --kernels fast
    python examples/follow.py softmax

An operation is a layer below, or any function of minicnn or minicnn.nn.functional that takes
tensors. Each function is listed where it is first called, with the shapes of the tensors and arrays
that it was given and the first line of its docstring.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import nn, training

PACKAGE = Path(mc.__file__).parent
IMAGES, ROWS = (2, 3, 8, 8), (4, 6)
# set from Python 3.14 on if the first constant is a docstring; before, it is one or None
DOCSTRING = getattr(inspect, "CO_HAS_DOCSTRING", 0)
# what is followed is the call of a layer, as in a network
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "conv2d": (lambda: nn.Conv2d(3, 8, kernel_size=3, padding=1), IMAGES),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(3, 8, kernel_size=2, stride=2), IMAGES),
    "max_pool2d": (lambda: nn.MaxPool2d(2), IMAGES),
    "avg_pool2d": (lambda: nn.AvgPool2d(2), IMAGES),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d(2), IMAGES),
    "batch_norm": (lambda: nn.BatchNorm2d(3), IMAGES),
    "group_norm": (lambda: nn.GroupNorm(1, 3), IMAGES),
    "layer_norm": (lambda: nn.LayerNorm(6), ROWS),
    "local_response_norm": (lambda: nn.LocalResponseNorm(3), IMAGES),
    "interpolate": (lambda: nn.Upsample(scale_factor=2), IMAGES),
    "linear": (lambda: nn.Linear(6, 5), ROWS),
    "relu": (lambda: nn.ReLU(), IMAGES),
    "dropout": (lambda: nn.Dropout(), IMAGES),
    "dropout2d": (lambda: nn.Dropout2d(), IMAGES),
}


# what other operations are given, where it is not one tensor after the other
ARGUMENTS: dict[str, list[Any]] = {
    "adaptive_max_pool2d": [IMAGES, 2],
    "addmm": [(4, 3), ROWS, (6, 3)],
    "bmm": [(2, 4, 6), (2, 6, 3)],
    "cat": [[ROWS, ROWS]],
    "chunk": [ROWS, 2],
    "clamp": [ROWS, 0.2, 0.8],
    "cumsum": [ROWS, 1],
    "flip": [ROWS, 0],
    "fold": [(2, 12, 16), 8, 2, 1, 0, 2],
    "gather": [ROWS, 1, np.zeros((4, 2), np.int64)],
    "index_select": [ROWS, 1, np.array([0, 2])],
    "log_softmax": [ROWS, 1],
    "logsumexp": [ROWS, 1],
    "matmul": [ROWS, (6, 3)],
    "mm": [ROWS, (6, 3)],
    "nll_loss": [ROWS, np.zeros(4, np.int64)],
    "pad": [ROWS, [1, 1]],
    "permute": [ROWS, 1, 0],
    "reshape": [ROWS, 3, 8],
    "scatter_add": [ROWS, 1, np.zeros((4, 2), np.int64), (4, 2)],
    "softmax": [ROWS, 1],
    "split": [ROWS, 2],
    "stack": [[ROWS, ROWS]],
    "transpose": [ROWS, 0, 1],
    "unfold": [IMAGES, 2],
    "unsqueeze": [ROWS, 0],
    "where": [np.ones(ROWS, bool), ROWS, ROWS],
}


class Step(NamedTuple):
    """A function that was called: where it stands, what it was given, what it says of itself."""

    file: str
    function: str
    shapes: str
    summary: str


def follow(call: Callable[[], Any]) -> tuple[Any, list[Step]]:
    """The result of ``call``, and each function of minicnn that it ran, in order."""
    steps: dict[CodeType, Step] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        code, file = frame.f_code, Path(frame.f_code.co_filename)
        if event != "call" or code in steps or not file.is_relative_to(PACKAGE):
            return
        if code.co_name.startswith("<"):  # a comprehension belongs to its function
            return
        path = file.relative_to(PACKAGE).as_posix()
        steps[code] = Step(path, _name(code), _shapes(frame), _summary(frame))

    sys.setprofile(watch)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, list(steps.values())


def _name(code: CodeType) -> str:
    """``Conv2d.forward`` for a method; a function within another is named after both."""
    return getattr(code, "co_qualname", code.co_name).replace(".<locals>", "")


def _shapes(frame: FrameType) -> str:
    """Names and shapes of the tensors and arrays among the arguments."""
    names = inspect.getargvalues(frame)
    values = [(name, names.locals[name]) for name in names.args if name != "self"]
    values += [(f"*{names.varargs}", value) for value in names.locals.get(names.varargs or "", ())]
    return ", ".join(
        f"{name} {tuple(value.shape)}"
        for name, value in values
        if isinstance(getattr(value, "shape", None), tuple)
    )


def _summary(frame: FrameType) -> str:
    """The first line of a function's docstring, or of its class's for forward and __init__."""
    code = frame.f_code
    text = code.co_consts[0] if code.co_consts and code.co_flags & DOCSTRING == DOCSTRING else None
    text = text if isinstance(text, str) else ""
    if code.co_name in ("forward", "__init__") and not text:
        text = type(frame.f_locals.get("self")).__doc__ or ""
    return text.strip().split("\n")[0]


def operation(name: str, device: str) -> Callable[[], Any]:
    """A call of an operation on random tensors.

    Raises:
        SystemExit: for a name that minicnn does not have.
    """
    if name in LAYERS:
        make, shape = LAYERS[name]
        layer, x = make().to(device), mc.rand(*shape, device=device, requires_grad=True)
        return lambda: layer(x)
    function = getattr(F, name, None) or getattr(mc, name, None) or getattr(mc.Tensor, name, None)
    if not inspect.isfunction(function):
        raise SystemExit(f"minicnn has no operation {name!r}; try {', '.join(LAYERS)} or softmax")
    values = ARGUMENTS.get(name)
    if values is None:  # as many tensors as it must be given
        parameters = inspect.signature(function).parameters.values()
        values = [ROWS for parameter in parameters if parameter.default is parameter.empty]
    arguments = [argument(value, device) for value in values]
    return lambda: function(*arguments)


def argument(value: Any, device: str) -> Any:
    """A random tensor for a shape, a tensor of indices for an array, anything else as it is."""
    if isinstance(value, tuple):
        return mc.rand(*value, device=device, requires_grad=True)
    if isinstance(value, list):
        return [argument(each, device) for each in value]
    return mc.tensor(value, device=device) if isinstance(value, np.ndarray) else value


def show(title: str, steps: list[Step]) -> None:
    """Prints the functions, each file's name above its functions."""
    files = {step.file for step in steps}
    print(f"\n{title}: {len(steps)} functions in {len(files)} files")
    file = None
    for step in steps:
        if step.file != file:
            file = step.file
            print(f"\n  {file}")
        shapes = f"({step.shapes})" if step.shapes else ""
        print(f"    {step.function}{shapes}")
        if step.summary:
            print(f"        {step.summary}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("operation", help=f"{', '.join(LAYERS)}, or a function such as softmax")
    parser.add_argument("--kernels", choices=("plain", "fast"), default="plain")
    parser.add_argument("--device", default="cpu", help="cpu (the default) or cuda")
    args = parser.parse_args(argv)

    mc.manual_seed(0)
    mc.backends.use_kernels(args.kernels)
    try:
        out, steps = follow(operation(args.operation, args.device))
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        raise SystemExit(f"{args.operation} cannot be followed: {error}") from None
    show(f"{args.operation}, {args.kernels} kernels, forward", steps)
    if not isinstance(out, mc.Tensor) or not out.requires_grad:
        return
    grad = mc.ones(out.shape, device=args.device)
    _, steps = follow(lambda: out.backward(grad))
    show(f"{args.operation}, {args.kernels} kernels, backward", steps)


if __name__ == "__main__":
    with training.script():
        main()

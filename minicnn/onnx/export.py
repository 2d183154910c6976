"""Writing networks as ONNX models."""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np

from ..graph import CannotRecord, Graph
from ..graph.recorder import record_call
from ..graph.structure import leaves, tensors_in
from ..nn.module import Module
from ..tensor import Tensor
from ..warn import warn
from .axes import Symbol, arguments, batch_symbol
from .composite import kept_whole
from .dynamic import from_dynamic_axes, from_dynamic_shapes
from .errors import FIXED_LENGTHS, OnnxExporterError
from .metadata import metadata
from .names import input_names_of, output_names_of
from .program import ONNXProgram
from .varying import Recordings
from .write import model_of

__all__ = ["TrainingMode", "export", "is_in_onnx_export"]

OPSETS = range(18, 22)  # whose operators are as they were in 18, as far as they are used here


class TrainingMode(enum.Enum):
    """In which mode a network is exported, as ``torch.onnx.TrainingMode``; only evaluation is."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


_exporting = False


def is_in_onnx_export() -> bool:
    """Whether an export is running, so that ``forward`` may do without what ONNX lacks."""
    return _exporting


def export(
    model: Callable[..., Any],
    args: Any = (),
    f: str | os.PathLike[str] | IO[bytes] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    dynamic_batch: bool | None = None,
    opset_version: int | None = None,
    labels: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    resize: int | None = None,
    interpolation: str | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    training: TrainingMode = TrainingMode.EVAL,
    verbose: bool | None = None,
    **others: Any,
) -> ONNXProgram:
    """Writes a network as an ONNX model, which other programs run without minicnn.

    The network runs on the example, on the CPU, and the operations that it consists of are written. It
    is in evaluation mode meanwhile. ``forward`` may ask for shapes, but not for the numbers of tensors.
    What hooks compute is part of the model.

    Args:
        model: the network, or a function of tensors.
        args: an example of its input: a tensor, or a tuple of arguments, whose last one may be a dict
            of keyword arguments.
        f: path or binary file to write; None only returns the model. A file is replaced once the
            model is complete.
        kwargs: keyword arguments of the example.
        dynamic_batch: whether the model takes any number of images: the first axis of all inputs that
            have as many entries there as the first input. True if neither ``dynamic_axes`` nor
            ``dynamic_shapes`` is given.
        opset_version: of ONNX's operators, 18 to 21; 18 by default, and with a warning for older ones.
        labels: names of the classes, for the file's metadata, as are the next four.
        mean, std: by which pixels from 0 to 1 are normalised, one number for each channel.
        resize, interpolation: pixels of a picture's shorter side before it is cut to the input's size,
            and how it is resized, such as ``"bicubic"``.
        input_names, output_names: names in the model; by default those of ``forward``'s arguments,
            and ``output``, or the keys of a dict that is returned.
        dynamic_axes: lengths that are left open, ``{"input": {0: "batch", 2: "height"}}``.
        dynamic_shapes: the same, in the structure of the arguments: ``({0: "batch"},)``.
        training: ``EVAL``, or ``PRESERVE`` for a network that is in evaluation mode already.
        verbose: whether the recorded operations are printed.
        others: torch's other arguments. Those that choose between ways to the same model have no
            effect, and the others are refused.

    Returns:
        The model: its ``model_proto`` is ``onnx``'s, and its ``save`` writes it.

    Raises:
        ImportError: if ``onnx`` is not installed.
        OnnxExporterError: for an operation that cannot be written, with its module.
        CannotRecord: for a network whose operations depend on the numbers in its input.
        ValueError, TypeError: for arguments that do not fit, or are not supported.
        OSError: if the file cannot be written.

    As ``torch.onnx.export`` (with ``dynamo=True``), except that the batch is open by default, and
    that weights beyond 2 GB are refused. :mod:`minicnn.onnx.metadata` has the keys of the metadata.
    """
    _check_installed()
    version = _checked_options(opset_version, training, others)
    call = _call_of(args, kwargs)
    inputs = tensors_in(call)
    _check_example(call, inputs)
    notes = metadata([tuple(x.shape) for x in inputs], labels, mean, std, resize, interpolation)
    names = input_names_of(model, call, input_names)
    if dynamic_axes is not None:
        symbols = from_dynamic_axes(dynamic_axes, names, inputs)
    elif dynamic_shapes is not None:
        symbols = from_dynamic_shapes(dynamic_shapes, model, call)
    else:
        symbols = batch_symbol(inputs) if dynamic_batch is not False else []
    preserved = getattr(training, "name", training) == "PRESERVE"
    with _exporting_now(() if preserved else _modules(model)), kept_whole():
        graphs = _recorded(model, call, symbols)
    if verbose:
        print(graphs[0])
    outputs = output_names_of(graphs[0].result, output_names, names)
    unknown = set(dynamic_axes or ()).difference(names, outputs)
    if unknown:
        warn(
            f"dynamic_axes names {sorted(unknown)}, but the inputs are {names} and the outputs {outputs}"
        )
    title = getattr(model, "__name__", type(model).__name__)
    proto = model_of(Recordings(graphs), symbols, title, names, outputs, version)
    for key, text in notes.items():
        proto.metadata_props.add(key=key, value=text)
    program = ONNXProgram(proto)
    if f is not None:
        program.save(f)
    return program


def _check_installed() -> None:
    if importlib.util.find_spec("onnx") is None:
        raise ImportError(
            "exporting to ONNX needs the package onnx (in a clone of minicnn: "
            "pip install -e '.[onnx]')"
        )


# torch's arguments that only choose between ways to the same model
_WITHOUT_EFFECT = (
    "artifacts_dir", "autograd_inlining", "do_constant_folding", "dynamo", "external_data",
    "optimize",
)  # fmt: skip
_ONLY = {
    "custom_opsets": None, "custom_translation_table": None, "dump_exported_program": False,
    "export_modules_as_functions": False, "export_params": True, "fallback": False,
    "keep_initializers_as_inputs": False, "profile": False, "report": False, "verify": False,
}  # fmt: skip


def _checked_options(
    opset_version: int | None, training: TrainingMode, others: Mapping[str, Any]
) -> int:
    """The version of the operators, after a check of the options."""
    for name, value in others.items():
        if name in _WITHOUT_EFFECT:
            continue
        if name not in _ONLY:
            raise TypeError(f"onnx.export has no argument {name!r}")
        if value != _ONLY[name] and value:
            raise ValueError(f"onnx.export supports {name}={_ONLY[name]} alone, got {value!r}")
    if others.get("export_params") is False:
        raise ValueError("onnx.export writes the weights, too, got export_params=False")
    if getattr(training, "name", training) == "TRAINING":
        raise ValueError(
            "onnx.export writes networks in evaluation mode, got TrainingMode.TRAINING"
        )
    version = OPSETS[0] if opset_version is None else opset_version
    if version > OPSETS[-1]:
        raise ValueError(
            f"onnx.export writes operators of version {OPSETS[0]} to {OPSETS[-1]}, "
            f"got opset_version={version}"
        )
    if version < OPSETS[0]:
        warn(
            f"onnx.export writes operators of version {OPSETS[0]} instead of {version}, which is older"
        )
    return max(version, OPSETS[0])


def _call_of(args: Any, kwargs: Mapping[str, Any] | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of an example."""
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    if kwargs is None and args and isinstance(args[-1], dict):
        return args[:-1], dict(args[-1])
    return args, dict(kwargs or {})


def _check_example(call: Any, inputs: Sequence[Tensor]) -> None:
    """Checks that an example consists of tensors that have elements."""
    for leaf in leaves(call):
        if isinstance(leaf, np.ndarray):
            raise TypeError("the example must be made of tensors, got an array: see from_numpy")
    for x in inputs:
        if 0 in x.shape:
            raise ValueError(
                f"the example's tensors must have elements, got shape {tuple(x.shape)}"
            )


def _modules(model: Callable[..., Any]) -> list[Module]:
    return list(model.modules()) if isinstance(model, Module) else []


@contextlib.contextmanager
def _exporting_now(modules: Sequence[Module]) -> Iterator[None]:
    """Puts modules into evaluation mode, and each of them back into its own at the end."""
    global _exporting
    before, modes = _exporting, [module.training for module in modules]
    _exporting = True
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        _exporting = before


def _recorded(model: Callable[..., Any], call: Any, symbols: Sequence[Symbol]) -> list[Graph]:
    """One recording, and another for each length that is open."""
    graphs = []
    for other in (None, *symbols):
        resized: Any = arguments(call, symbols, other)
        args, kwargs = resized
        try:
            graphs.append(record_call(model, args, kwargs, computed_options=True, as_function=True))
        except CannotRecord:
            raise
        except Exception as error:
            if not symbols:
                raise
            shapes = [tuple(x.shape) for x in tensors_in((args, kwargs))]
            raise OnnxExporterError(
                f"cannot export to ONNX with open lengths: the network fails with inputs of {shapes}: "
                f"{error}. {FIXED_LENGTHS}"
            ) from error
    return graphs

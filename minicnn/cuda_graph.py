"""A whole training step as one CUDA graph: ``minicnn.cuda.graph``.

A training step of a small network is hundreds of kernel launches, and Python needs longer to launch
them than the GPU to run them. CUDA can write the launches down once, as a graph, and repeat them
all at a single command.

A graph repeats the very same launches, on the very same memory. What may change between two steps
therefore has to be in memory: the batch is copied to where the captured one was, and numbers such
as the learning rate go to where the kernels look for them
(``kernels/cuda/runtime/hyperparameters.py``). Memory that the step takes and gives back comes from a
pool that nobody else uses, since in every replay the graph writes to it.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .devices import cuda_is_available, cupy, memory_order
from .tensor import Tensor

_WARM_UPS = 2  # after the first, optimizers have their state; the second is like all others


def graph(step: Callable[..., Any]) -> GraphedStep:
    """Makes a function of tensors fast by capturing it as a CUDA graph, which later calls replay.

    The first two calls run as they are; the third is captured; from then on a call copies its
    arguments to where the captured ones were and starts the graph. Each call is exactly one step.
    Dropout draws anew and optimizers take the learning rate and the other numbers of their groups
    as they are at each call, so schedules go on as ever, outside of the step. ::

        def step(images, labels):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            return loss

        step = minicnn.cuda.graph(step)
        for images, labels in loader:
            loss = step(images, labels)
            schedule.step()

    Args:
        step: a function of tensors, which returns tensors (in tuples, dicts or alone) or nothing.
            It should begin with ``zero_grad()``: gradients do not add up from one call to the next.

    Returns:
        A function of tensors, on the GPU or in host memory; ``step`` gets them on the GPU. Once
        captured it returns the same tensors from each call, which the next call overwrites: sum
        them, or copy their numbers, before that.

    Arguments of other shapes than those of the first call, such as a short last batch, run without
    the graph, with a warning the first time. Python is not captured: a change of the network's
    mode, of a switch such as ``nesterov``, of a Python counter or a meter within ``step`` has no
    effect once it is captured, and neither have arrays put in the place of those it uses, as
    ``optimizer.load_state_dict`` does. Then make a new graph.

    Raises:
        RuntimeError: without CUDA; when called, for a step that waits for the GPU or sends numbers
            to it (``item()``, ``print`` of a tensor, ``.cpu()``, random tensors).
        TypeError: when called, for an argument that is no tensor.

    As ``torch.cuda.make_graphed_callables``, but for the whole step with its backward pass and its
    optimizer.
    """
    if not cuda_is_available():
        raise RuntimeError("cuda.graph needs device 'cuda', and no GPU was found")
    return GraphedStep(step)


class GraphedStep:
    """What :func:`graph` returns."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self._pool = cupy().cuda.MemoryPool()
        self._stream = cupy().cuda.Stream(non_blocking=True)  # the default one cannot be captured
        self._signature: tuple[Any, ...] | None = None
        self._warned: set[tuple[Any, ...]] = set()
        self._warm_ups = 0
        self._recording: Recording | None = None

    def __call__(self, *tensors: Tensor) -> Any:
        for index, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    "a graph takes tensors, as other values would be frozen in it, "
                    f"got {type(tensor).__name__} as argument {index}"
                )
        signature = tuple((tensor.shape, str(tensor.dtype)) for tensor in tensors)
        self._signature = self._signature or signature
        if signature != self._signature:
            self._warn(signature)
            return self._step(*(tensor.to("cuda") for tensor in tensors))
        if self._warm_ups < _WARM_UPS:
            self._warm_ups += 1
            with self._aside():
                return self._step(*(tensor.to("cuda") for tensor in tensors))
        if self._recording is None:
            self._recording = self._record(tensors)
        return self._recording.replay(tensors)

    def _warn(self, signature: tuple[Any, ...]) -> None:
        if signature not in self._warned:
            self._warned.add(signature)
            warnings.warn(
                f"a graph was made for arguments {_listed(self._signature or ())}; a call with "
                f"{_listed(signature)} runs without it",
                stacklevel=3,
            )

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """On the stream and with the memory of the graph, in turn with the current stream's work."""
        current = cupy().cuda.get_current_stream()
        self._stream.wait_event(current.record())
        with self._stream, cupy().cuda.using_allocator(self._pool.malloc):
            yield
        current.wait_event(self._stream.record())

    def _record(self, tensors: Sequence[Tensor]) -> Recording:
        """Runs the step in Python, while its kernels are written down and none of them runs."""
        from .kernels.cuda.runtime.hyperparameters import ReplayedValues

        with self._aside():
            inputs = [_static(tensor.array) for tensor in tensors]
            numbers = ReplayedValues()
            try:
                self._stream.begin_capture()
                try:
                    with numbers.capturing():
                        outputs = self._step(*map(Tensor, inputs))
                except BaseException:
                    with contextlib.suppress(RuntimeError):  # the capture is broken, as is known
                        self._stream.end_capture()
                    raise
                captured = self._stream.end_capture()
            except RuntimeError as error:  # of which CuPy's errors are subclasses
                raise RuntimeError(
                    f"the step cannot be captured as a CUDA graph: {error} (a graph consists of "
                    "kernels; within the step nothing may be fetched from the GPU, such as by "
                    "item(), or sent to it, and CuPy's matrix products are excluded, too)"
                ) from error
        return Recording(captured, inputs, outputs, numbers)


class Recording:
    """A captured graph, with the memory it reads from and writes to.

    Args:
        captured: CuPy's graph.
        inputs: the arrays in place of the arguments.
        outputs: what the step returned.
        numbers: the :class:`ReplayedValues` that its kernels read.
    """

    def __init__(self, captured: Any, inputs: list[Any], outputs: Any, numbers: Any) -> None:
        self._captured = captured
        self._inputs = inputs
        self._outputs = outputs
        self._numbers = numbers
        # The GPU may still read what the last call sends while this one is prepared, so there are
        # two of everything in host memory, used in turn.
        self._turn = 0
        self._sent = [cupy().cuda.Event(disable_timing=True) for _ in range(2)]
        self._hosts: list[list[np.ndarray | None]] = [[], []]

    def replay(self, tensors: Sequence[Tensor]) -> Any:
        """Does the step with the numbers of ``tensors``."""
        stream = cupy().cuda.get_current_stream()
        turn = self._turn = 1 - self._turn
        self._sent[turn].synchronize()
        self._hosts[turn] = [
            _copy(tensor.array, target, stream)
            for tensor, target in zip(tensors, self._inputs, strict=True)
        ]
        self._numbers.refresh(turn, stream)
        stream.record(self._sent[turn])
        self._captured.launch(stream)
        return self._outputs


def _static(array: Any) -> Any:
    """Device memory for an array, in the order in which it lies in memory."""
    order = memory_order(array)
    dense = cupy().empty(tuple(array.shape[axis] for axis in order), array.dtype)
    return dense.transpose([order.index(axis) for axis in range(array.ndim)])


def _copy(source: Any, target: Any, stream: Any) -> np.ndarray | None:
    """Copies to device memory; returns what has to be kept until the copy has been made."""
    if not isinstance(source, np.ndarray):
        target[...] = source
        return None
    order = memory_order(target)
    dense = np.asarray(source.transpose(order), order="C")
    target.transpose(order).set(dense, stream)
    return dense


def _listed(signature: tuple[Any, ...]) -> str:
    return ", ".join(f"{dtype} of shape {shape}" for shape, dtype in signature)

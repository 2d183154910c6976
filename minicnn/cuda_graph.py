"""A whole training step as one CUDA graph: ``minicnn.cuda.graph``.

A training step of a small network is hundreds of kernel launches, and Python takes longer to launch
them than the GPU takes to run them. CUDA can record the launches once, as a graph, and repeat them
all with a single command.

A graph repeats exactly the same launches on the same memory. What changes between two steps must
therefore be in memory: the batch is copied to the place of the captured one, and values such as
the learning rate to where the kernels read them (``kernels/cuda/runtime/hyperparameters.py``).
Temporary memory of the step comes from a pool of its own, since every replay writes to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .cuda_memory import GraphMemory, OutOfMemoryError
from .devices import cuda_is_available, cupy, memory_order
from .tensor import Tensor
from .typing import Array
from .warn import warn

if TYPE_CHECKING:
    from .kernels.cuda.runtime.hyperparameters import ReplayedValues

_WARM_UPS = 2  # the first creates the optimizer's state; the second is like all later ones


def graph(step: Callable[..., Any]) -> GraphedStep:
    """Makes a function of tensors fast: captures it as a CUDA graph, which later calls replay.

    The first two calls run normally; the third is captured; each later call copies its arguments to
    the memory of the captured ones and launches the graph. Each call is exactly one step. Dropout
    draws a new mask in each call, and optimizers read the learning rate and their other
    hyperparameters in each call, so schedules work as usual, outside the step. ::

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

    With ``optim.step_in_backward`` in place of ``optimizer.step()``, the graph has two branches that
    run at the same time.

    Args:
        step: a function of tensors that returns tensors (in tuples, dicts or alone) or nothing. It
            should begin with ``zero_grad()``: gradients do not accumulate from call to call.

    Returns:
        A function of tensors on the GPU or in host memory; ``step`` gets them on the GPU. After the
        capture, each call returns the same tensors with new numbers: sum or copy these before the
        next call.

    Arguments whose shapes differ from the first call, such as a short last batch, run without the
    graph, with a warning the first time. Python code is not captured: after the capture, nothing
    happens to counters and meters inside ``step``, and changes of the network's mode or of options
    such as ``nesterov`` have no effect. The same holds if the arrays are replaced, as
    ``optimizer.load_state_dict`` does. Make a new graph then.

    Raises:
        RuntimeError: without CUDA; in a call, for a step that waits for the GPU or sends numbers to
            it (``item()``, ``print`` of a tensor, ``.cpu()``, random tensors).
        minicnn.cuda.OutOfMemoryError: in a call, if the GPU has too little memory for the step.
        TypeError: in a call, for an argument that is not a tensor.

    As ``torch.cuda.make_graphed_callables``, but for the whole step, backward pass and optimizer
    included.
    """
    if not cuda_is_available():
        raise RuntimeError("cuda.graph needs device 'cuda', and no GPU was found")
    return GraphedStep(step)


class GraphedStep:
    """What :func:`graph` returns."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self._step = step
        self._memory = GraphMemory(cupy())
        self._stream = cupy().cuda.Stream(non_blocking=True)  # the default one cannot be captured
        self._signature: tuple[Any, ...] | None = None
        self._warned: set[tuple[Any, ...]] = set()
        self._warm_ups = 0
        self._recording: Recording | None = None

    def __call__(self, *tensors: Tensor) -> Any:
        for index, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    "a graph takes tensors, as other values would be fixed in it, "
                    f"got {type(tensor).__name__} as argument {index}"
                )
        signature = tuple((tuple(tensor.shape), tensor.array.dtype.name) for tensor in tensors)
        self._signature = self._signature or signature
        if signature != self._signature:
            self._warn(signature)
            return self._step(*(tensor.to("cuda") for tensor in tensors))
        if self._warm_ups < _WARM_UPS:
            self._warm_ups += 1
            with self._own_stream_and_memory():
                return self._step(*(tensor.to("cuda") for tensor in tensors))
        if self._recording is None:
            self._recording = self._record(tensors)
        return self._recording.replay(tensors)

    def _warn(self, signature: tuple[Any, ...]) -> None:
        if signature not in self._warned:
            self._warned.add(signature)
            warn(
                f"a graph was made for arguments {_listed(self._signature or ())}; a call with "
                f"{_listed(signature)} runs without it"
            )

    @contextlib.contextmanager
    def _own_stream_and_memory(self) -> Iterator[None]:
        """Uses the graph's stream and memory, after the work given to the current stream so far."""
        current = cupy().cuda.get_current_stream()
        self._stream.wait_event(current.record())
        with self._stream, cupy().cuda.using_allocator(self._memory.pool.malloc):
            yield
        current.wait_event(self._stream.record())

    def _record(self, tensors: Sequence[Tensor]) -> Recording:
        """Runs the step in Python; CUDA records its kernels and does not run them."""
        from .kernels.cuda.runtime.hyperparameters import ReplayedValues

        with self._own_stream_and_memory():
            inputs = [_static(tensor.array) for tensor in tensors]
            values = ReplayedValues()
            self._memory.captured = True
            try:
                self._stream.begin_capture()
                try:
                    with values.capturing():
                        outputs = self._step(*map(Tensor.of, inputs))
                except BaseException:
                    with contextlib.suppress(RuntimeError):  # the capture has failed already
                        self._stream.end_capture()
                    raise
                captured = self._stream.end_capture()
            except OutOfMemoryError:
                raise
            except RuntimeError as error:  # CuPy's errors are subclasses
                raise RuntimeError(
                    f"the step cannot be captured as a CUDA graph: {error} (a graph consists of "
                    "kernels; the step must not fetch anything from the GPU, such as by item(), "
                    "send anything to it, or use CuPy's matrix products)"
                ) from error
        return Recording(captured, inputs, outputs, values)


class Recording:
    """A captured graph, with the memory it reads from and writes to.

    Args:
        captured: CuPy's graph.
        inputs: the arrays that replace the arguments.
        outputs: what the step returned.
        values: the hyperparameters that its kernels read.
    """

    def __init__(
        self, captured: Any, inputs: list[Array], outputs: object, values: ReplayedValues
    ) -> None:
        self._captured = captured
        self._inputs = inputs
        self._outputs = outputs
        self._values = values
        # The GPU may still be reading the last call's host memory while the next call is prepared:
        # there are two copies of everything in host memory, used alternately.
        self._turn = 0
        self._sent = [cupy().cuda.Event(disable_timing=True) for _ in range(2)]
        self._hosts: list[list[np.ndarray | None]] = [[], []]

    def replay(self, tensors: Sequence[Tensor]) -> object:
        """Runs the step on the numbers of ``tensors``; returns what the captured step returned."""
        stream = cupy().cuda.get_current_stream()
        turn = self._turn = 1 - self._turn
        self._sent[turn].synchronize()
        self._hosts[turn] = [
            _copy(tensor.array, target, stream)
            for tensor, target in zip(tensors, self._inputs, strict=True)
        ]
        self._values.refresh(turn, stream)
        stream.record(self._sent[turn])
        self._captured.launch(stream)
        return self._outputs


def _static(array: Array) -> Array:
    """Device memory for an array, in the same layout."""
    order = memory_order(array)
    dense = cupy().empty(tuple(array.shape[axis] for axis in order), array.dtype)
    return dense.transpose([order.index(axis) for axis in range(array.ndim)])


def _copy(source: Array, target: Any, stream: Any) -> np.ndarray | None:
    """Copies to device memory; returns the host memory to keep until the copy is done, if any."""
    if not isinstance(source, np.ndarray):
        target[...] = source
        return None
    order = memory_order(target)
    dense = np.asarray(source.transpose(order), order="C")
    target.transpose(order).set(dense, stream)
    return dense


def _listed(signature: tuple[Any, ...]) -> str:
    return ", ".join(f"{dtype} of shape {shape}" for shape, dtype in signature)

"""Operations on tensors in which all ranks of a group take part, as ``torch.distributed``'s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..devices import current_device_of, device_of, memory_order, to_device
from ..tensor import Tensor
from ..typing import Array
from .process_group import ProcessGroup, the_group
from .reduce_op import ReduceOp, check
from .work import Work

__all__ = [
    "all_gather",
    "all_gather_into_tensor",
    "all_reduce",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "gather",
    "irecv",
    "isend",
    "monitored_barrier",
    "recv",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "send",
]


def all_reduce(
    tensor: Tensor,
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Replaces a tensor, on every rank, by the sum of all ranks' tensors.

    Args:
        tensor: of one shape and dtype on all ranks.
        op: SUM, AVG, PRODUCT, MIN or MAX. The ranks' numbers are taken in the order of the ranks, in
            float32 if they are half precision, so all ranks get the same bits, in every run. NCCL
            has an order of its own, and adds half precision as it is.
        group: who takes part, all ranks when left out.
        async_op: return at once; the result is there after ``wait()`` of what is returned.

    Returns:
        None, or a :class:`Work` with ``async_op``.

    Raises:
        RuntimeError: if a rank is late or does something else; it is named.
        TypeError: for the mean of integers.
    """
    check(op, tensor.array.dtype)
    backend = the_group(group).backend
    flat = _Flat(backend.device_for(tensor.array), tensor)
    return flat.after(backend.all_reduce(flat.array, op), async_op)


def reduce(
    tensor: Tensor,
    dst: int = 0,
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """:func:`all_reduce` of which only rank ``dst`` gets the result; the others keep their tensors."""
    check(op, tensor.array.dtype)
    chosen = the_group(group)
    flat = _Flat(chosen.backend.device_for(tensor.array), tensor)
    return flat.after(chosen.backend.reduce(flat.array, chosen.number_of(dst), op), async_op)


def broadcast(
    tensor: Tensor, src: int = 0, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Replaces a tensor, on every rank, by that of rank ``src``."""
    chosen = the_group(group)
    flat = _Flat(chosen.backend.device_for(tensor.array), tensor)
    return flat.after(chosen.backend.broadcast(flat.array, chosen.number_of(src)), async_op)


def all_gather(
    tensor_list: Sequence[Tensor],
    tensor: Tensor,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Writes the tensors of all ranks to a list of tensors, one for each rank."""
    backend = the_group(group).backend
    rows = _Rows(backend.device_for(tensor.array), tensor_list, backend.size)
    rows.array[backend.rank] = _in_c_order(tensor.array, backend.device_for(tensor.array))
    return rows.after(backend.all_gather(rows.array), async_op)


def all_gather_into_tensor(
    output_tensor: Tensor,
    input_tensor: Tensor,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """:func:`all_gather` into one tensor: (P * n, …) or (P, n, …) of P ranks' (n, …)."""
    return all_gather(
        _parts(output_tensor, group, input_tensor.shape), input_tensor, group, async_op
    )


def reduce_scatter(
    output: Tensor,
    input_list: Sequence[Tensor],
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Writes to ``output`` the sum, over the ranks, of the tensors that their lists have for this one."""
    check(op, output.array.dtype)
    backend = the_group(group).backend
    device = backend.device_for(output.array)
    flat, rows = _Flat(device, output), _Rows(device, input_list, backend.size)
    rows.read()
    return flat.after(backend.reduce_scatter(flat.array, rows.array, op), async_op)


def reduce_scatter_tensor(
    output: Tensor,
    input: Tensor,
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """:func:`reduce_scatter` of one tensor: (P * n, …) or (P, n, …) of P ranks -> (n, …)."""
    return reduce_scatter(output, _parts(input, group, output.shape), op, group, async_op)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: None = None,
    input_split_sizes: None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Sends part i of ``input`` (P * n, …) to rank i, and receives part i of ``output`` from it.

    Raises:
        ValueError: for sizes of the parts; they are all equal.
    """
    if output_split_sizes is not None or input_split_sizes is not None:
        raise ValueError("all_to_all_single has equal parts: leave the split sizes out")
    backend = the_group(group).backend
    device = backend.device_for(input.array)
    out, sent = (_Rows(device, _parts(t, group), backend.size) for t in (output, input))
    sent.read()
    return out.after(backend.all_to_all(out.array, sent.array), async_op)


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Writes the tensors of all ranks to the list of rank ``dst``; the others give no list."""
    chosen = the_group(group)
    backend, number = chosen.backend, chosen.number_of(dst)
    into = _checked_list("gather_list", gather_list, tensor, backend.rank == number, backend.size)
    rows = _Rows(backend.device_for(tensor.array), into, backend.size)
    rows.array[backend.rank] = _in_c_order(tensor.array, backend.device_for(tensor.array))
    work = backend.gather(rows.array, number)
    return rows.after(work, async_op) if backend.rank == number else _result(work, async_op)


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int = 0,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Writes to ``tensor`` what the list of rank ``src`` has for this rank; the others give none."""
    chosen = the_group(group)
    backend, number = chosen.backend, chosen.number_of(src)
    parts = _checked_list(
        "scatter_list", scatter_list, tensor, backend.rank == number, backend.size
    )
    rows = _Rows(backend.device_for(tensor.array), parts, backend.size)
    rows.read()
    work = backend.scatter(rows.array, number)
    return _result(work.then(lambda: _write(tensor, rows.array[backend.rank])), async_op)


def isend(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> Work:
    """Sends a tensor to a rank, which must receive it; it may not be changed before ``wait()``."""
    chosen = the_group(group)
    flat = _Flat(chosen.backend.device_for(tensor.array), tensor)
    return chosen.backend.send(flat.array, chosen.number_of(dst), tag)


def irecv(
    tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0
) -> Work:
    """Receives a tensor from a rank, or from whichever sends first; it is there after ``wait()``."""
    chosen = the_group(group)
    flat = _Flat(chosen.backend.device_for(tensor.array), tensor)
    source = None if src is None else chosen.number_of(src)
    return chosen.backend.receive(flat.array, source, tag).then(flat.write)


def send(tensor: Tensor, dst: int, group: ProcessGroup | None = None, tag: int = 0) -> None:
    """:func:`isend`, and waits."""
    isend(tensor, dst, group, tag).wait()


def recv(
    tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0
) -> None:
    """:func:`irecv`, and waits. Unlike torch's, it does not return the sender."""
    irecv(tensor, src, group, tag).wait()


def barrier(
    group: ProcessGroup | None = None, async_op: bool = False, device_ids: Any = None
) -> Work | None:
    """Waits until all ranks are here."""
    return _result(the_group(group).backend.barrier(), async_op)


def monitored_barrier(
    group: ProcessGroup | None = None, timeout: Any = None, wait_all_ranks: bool = False
) -> None:
    """:func:`barrier`, whose errors always name the ranks that are late."""
    barrier(group)


class _Flat:
    """The numbers of one tensor as an array of one dimension, where the backend can reach them.

    They lie in the order of memory, which all ranks share, and are the tensor's own memory if that
    is dense.
    """

    def __init__(self, device: Any, tensor: Tensor) -> None:
        self._tensor = tensor
        local = to_device(tensor.array, device)
        dense = local.transpose(memory_order(local))
        self._is_own = local is tensor.array and dense.flags.c_contiguous
        self.array = dense.reshape(-1) if dense.flags.c_contiguous else dense.copy().reshape(-1)

    def write(self) -> None:
        """Writes the numbers to the tensor."""
        if not self._is_own:
            order = memory_order(self._tensor.array)
            shape = [self._tensor.array.shape[axis] for axis in order]
            back = self.array.reshape(shape).transpose(np.argsort(order).tolist())
            with current_device_of((self._tensor.array,)):
                self._tensor.array[...] = to_device(back, device_of(self._tensor.array))
        self._tensor.bump_version()

    def after(self, work: Work, async_op: bool) -> Work | None:
        """The result of an operation that changes the tensor."""
        return _result(work.then(self.write), async_op)


class _Rows:
    """The numbers of one tensor for each rank as (P, n), where the backend can reach them."""

    def __init__(self, device: Any, tensors: Sequence[Tensor], size: int) -> None:
        if len(tensors) != size:
            raise ValueError(f"expected a tensor for each of {size} ranks, got {len(tensors)}")
        first = tensors[0].array
        for tensor in tensors:
            if (tensor.array.size, tensor.array.dtype) != (first.size, first.dtype):
                raise ValueError(
                    f"expected tensors of one size and dtype, got {first.dtype} {first.shape} "
                    f"and {tensor.array.dtype} {tensor.array.shape}"
                )
        self._tensors = tensors
        self._device = device
        self.array = device.xp.empty((size, first.size), first.dtype)

    def read(self) -> None:
        """Copies the numbers of all tensors."""
        for row, tensor in zip(self.array, self._tensors):
            row[...] = _in_c_order(tensor.array, self._device)

    def write(self) -> None:
        """Copies the numbers to all tensors."""
        for row, tensor in zip(self.array, self._tensors):
            _write(tensor, row)

    def after(self, work: Work, async_op: bool) -> Work | None:
        """The result of an operation that changes the tensors."""
        return _result(work.then(self.write), async_op)


def _in_c_order(array: Array, device: Any) -> Array:
    return to_device(array, device).reshape(-1)


def _write(tensor: Tensor, row: Array) -> None:
    with current_device_of((tensor.array,)):
        tensor.array[...] = to_device(row, device_of(tensor.array)).reshape(tensor.array.shape)
    tensor.bump_version()


def _result(work: Work, async_op: bool) -> Work | None:
    if async_op:
        return work
    work.wait()
    return None


def _parts(tensor: Tensor, group: Any, shape: Sequence[int] | None = None) -> list[Tensor]:
    """Views of the ranks' parts of a tensor (P * n, …) or (P, n, …)."""
    size = the_group(group).size()
    array = tensor.array
    if array.ndim == 0 or array.shape[0] % size:
        raise ValueError(f"expected a first dimension that {size} ranks share, got {array.shape}")
    parts = array.reshape(size, -1, *array.shape[1:])  # (P, n, …)
    return [Tensor.of(part) for part in parts]


def _checked_list(
    name: str, tensors: Sequence[Tensor] | None, like: Tensor, is_here: bool, size: int
) -> Sequence[Tensor]:
    """The list that one rank gives; the others get one of the same sizes."""
    if is_here and tensors is None:
        raise ValueError(f"{name} must be given on the rank that has the list")
    if not is_here and tensors:
        raise ValueError(f"{name} must not be given on this rank")
    return tensors if is_here and tensors is not None else [like] * size

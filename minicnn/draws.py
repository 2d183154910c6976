"""Fills arrays with random numbers by the rules of PyTorch's CPU code, from a generator's words.

All functions fill ``out``, of any layout and on any device, in the order of its memory; channels-last
images in N, C, H, W order (see :func:`~minicnn.devices.drawing_order`). 16-bit numbers are computed in
float32 and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from .devices import drawing_order, xp_of
from .dtypes import HALVES, bfloat16, bool_, float64, is_floating
from .kernels.cpu.runtime.threads import for_each_slice, scratch
from .memory import empty
from .typing import Array
from .warn import warn

if TYPE_CHECKING:
    from .random import Generator

_SINGLE = np.dtype(np.float32)
_BLOCK = 1 << 16  # numbers, which stay in the cache from one step of a computation to the next
_WAITING = 3  # blocks, which stay in the cache, too


def fill(out: Array, draw: Callable[[Array], None]) -> None:
    """Calls ``draw(flat)`` for the elements of ``out`` in the order of drawing.

    ``flat`` is a NumPy array: the memory itself where that is dense, else one to copy from.
    """
    ordered = out if out.flags.c_contiguous else out.transpose(drawing_order(out))
    if type(out) is np.ndarray and ordered.flags.c_contiguous:
        draw(ordered.reshape(-1))
    else:
        flat = empty((out.size,), out.dtype)
        draw(flat)
        ordered[...] = xp_of(out).asarray(flat.reshape(ordered.shape))


def in_blocks(
    flat: Array, words: Callable[[int], Array], convert: Callable[[Array, Array], Any]
) -> None:
    """Calls ``convert(words(n), block)`` for blocks of n elements that cover ``flat``.

    The words have an order, the conversions have none: of many blocks, one thread draws the words and
    another converts them. The first converts, too, when the other falls behind.
    """
    if flat.size <= _BLOCK:
        if flat.size:
            convert(words(flat.size), flat)
        return
    blocks = [flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK)]
    drawn: SimpleQueue[tuple[Array, Array] | None] = SimpleQueue()

    def work(start: int, stop: int) -> None:
        if start == 0:
            try:
                for block in blocks:
                    drawn.put((words(block.size), block))
                    if drawn.qsize() > _WAITING:
                        with suppress(Empty):  # the other thread may have been quicker
                            convert(*drawn.get_nowait())  # type: ignore[misc]
            finally:
                drawn.put(None)
        if stop == 2:
            while (task := drawn.get()) is not None:
                convert(*task)

    for_each_slice(2, work)


# ---------------------------------------------------------------------------- uniform


def uniform(out: Array, low: float, high: float, generator: Generator) -> None:
    """Numbers uniform in [low, high), of 24 random bits, or 53 for float64."""
    if out.dtype == float64:
        convert = partial(_uniform53, low=low, high=high)
        fill(out, lambda flat: in_blocks(flat, generator.words64, convert))
    else:
        convert = partial(_uniform24, low=np.float32(low), high=np.float32(high))
        fill(out, lambda flat: in_blocks(flat, generator.words, convert))


def _uniform24(words: Array, out: Array, low: np.float32, high: np.float32) -> None:
    words &= np.uint32(2**24 - 1)
    bits, unit = words.view(np.int32), 2.0**-24
    if low == 0 and out.dtype == np.float32:
        np.copyto(out, bits, casting="unsafe")
        out *= np.float32(unit) * high
        return
    # low + length * u, rounded once, as processors compute it: float64 holds the product exactly
    unit *= float(high - low)
    numbers = scratch("uniform", out.shape, float64)
    np.copyto(numbers, bits)
    numbers *= unit
    numbers += low
    single = out if out.dtype == np.float32 else scratch("uniform.single", out.shape, _SINGLE)
    np.copyto(single, numbers, casting="unsafe")
    if single is not out:
        out[:] = single
    excluded = out.dtype.type(high)
    if out.dtype.type(np.float32((2**24 - 1) * unit + low)) == excluded:  # rounded up to it
        out[out == excluded] = low


def _uniform53(words: Array, out: Array, low: float, high: float) -> None:
    words &= np.uint64(2**53 - 1)
    np.multiply(words.view(np.int64), 2.0**-53, out=out)
    if low != 0:
        out[:] = _multiply_add(out, high - low, low)
        out[out == high] = low
    elif high != 1:
        out *= high


def _multiply_add(x: Array, factor: float, addend: float) -> Array:
    """x * factor + addend in float64, rounded once, as processors compute it.

    The exact errors of the product and of the sum are added at the end (T. J. Dekker, 1971).
    """
    product = x * factor
    x_high, factor_high = _high_half(x), _high_half(factor)
    x_low, factor_low = x - x_high, factor - factor_high
    error = x_high * factor_high - product + x_high * factor_low + x_low * factor_high
    error += x_low * factor_low
    total = product + addend
    part = total - product
    return total + (product - (total - part) + (addend - part) + error)


def _high_half(x: Any) -> Any:
    """The first 26 of the 53 bits of float64."""
    large = x * (2.0**27 + 1)
    return large - (large - x)


# ---------------------------------------------------------------------------- normal


def normal(out: Array, mean: float, std: float, generator: Generator) -> None:
    """Numbers from N(mean, std²) (G. E. P. Box and M. E. Muller, 1958).

    Arrays of 16 numbers or more in C order, or images, are made in blocks of 16, others in pairs.
    """
    is_image = out.ndim == 4 and out.transpose(0, 2, 3, 1).flags.c_contiguous
    if out.size >= 16 and (is_image or out.flags.c_contiguous):
        fill(out, lambda flat: _normal_blocks(flat, mean, std, generator))
    else:
        fill(out, lambda flat: in_blocks(flat, generator.normals, partial(_scale, mean, std)))


def _scale(mean: float, std: float, normals: Array, out: Array) -> None:
    normals *= std
    normals += mean
    _round(normals, out)


def _round(numbers: Array, out: Array) -> None:
    """Writes float64 numbers to ``out``; to 16 bits by way of float32, as torch."""
    out[:] = numbers.astype(np.float32) if out.dtype in HALVES else numbers


def normal_pairs(words: Array) -> Array:
    """Numbers from N(0, 1) in float64, of words of 64 bits in pairs."""
    uniform_numbers = np.empty(words.shape)
    _uniform53(words, uniform_numbers, 0.0, 1.0)
    angles, radii = uniform_numbers[::2], uniform_numbers[1::2]
    radii = np.sqrt(-2 * np.log1p(-radii))
    angles = 2 * math.pi * angles
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).reshape(-1)


def _normal_blocks(flat: Array, mean: float, std: float, generator: Generator) -> None:
    """Of 16 uniform numbers, 8 give radii and 8 angles.

    For a rest, the last 16 numbers are made again; float32 and float64 draw the rest before.
    """
    words = generator.words64 if flat.dtype == float64 else generator.words
    convert = partial(_box_muller, mean=mean, std=std)
    rest = flat.size % 16
    in_blocks(flat[: flat.size - rest], words, convert)
    if rest:
        if flat.dtype not in HALVES:
            words(rest)
        convert(words(16), flat[-16:])


def _box_muller(words: Array, out: Array, mean: float, std: float) -> None:
    real, digits = (np.float64, 53) if words.dtype == np.uint64 else (np.float32, 24)
    words &= words.dtype.type(2**digits - 1)
    eight = np.dtype((np.void, 8 * words.itemsize))  # which are copied faster as one element
    halves = words.view(eight).reshape(-1, 2)
    radii, angles, part = (
        scratch(f"normal.{name}", (words.size // 2,), np.dtype(real))
        for name in ("radii", "angles", "part")
    )
    for i, (numbers, unit) in enumerate(((radii, real(-1)), (angles, real(2 * math.pi)))):
        np.copyto(part.view(eight), halves[:, i])
        np.copyto(numbers, part.view(f"i{words.itemsize}"), casting="unsafe")
        numbers *= real(2.0**-digits) * unit
    radii += real(1)
    np.log(radii, out=radii)
    radii *= real(-2)
    np.sqrt(radii, out=radii)
    radii *= real(std)
    dense = out if out.dtype == real else scratch("normal.out", out.shape, np.dtype(real))
    for i, function in enumerate((np.cos, np.sin)):
        function(angles, out=part)
        part *= radii
        if mean:
            part += real(mean)
        np.copyto(dense.view(eight).reshape(-1, 2)[:, i], part.view(eight))
    if dense is not out:
        out[:] = dense


# ---------------------------------------------------------------------------- passing over


def pass_over_uniform(size: int, dtype: np.dtype, generator: Generator) -> None:
    """Goes on as if ``size`` uniform numbers had been drawn, in less time."""
    generator.skip(size * (2 if dtype == float64 else 1))


def pass_over_normal(size: int, dtype: np.dtype, generator: Generator) -> None:
    """Goes on as if ``size`` normal numbers had been drawn for an array in C order."""
    if size < 16:
        generator.normals(size)
        return
    rest = size % 16
    again = 16 if rest else 0
    pass_over_uniform(size + again - (rest if dtype in HALVES else 0), dtype, generator)


# ---------------------------------------------------------------------------- others


def exponential(out: Array, rate: float, generator: Generator) -> None:
    """Numbers from Exp(rate)."""
    _from_uniform(out, generator, lambda u: -1 / rate * np.log1p(-u))


def geometric(out: Array, p: float, generator: Generator) -> None:
    """The numbers of trials up to the first success, of probability ``p``."""
    _from_uniform(out, generator, lambda u: np.ceil(np.log(u) / math.log1p(-p)))


def cauchy(out: Array, median: float, sigma: float, generator: Generator) -> None:
    """Numbers from Cauchy's distribution."""
    least = np.finfo(np.float64).eps

    def convert(u: Array) -> Array:
        return median + sigma * np.tan(np.pi * (u.clip(least, 1 - least) - 0.5))

    _from_uniform(out, generator, convert)


def log_normal(out: Array, mean: float, std: float, generator: Generator) -> None:
    """The exponentials of numbers from N(mean, std²)."""

    def convert(normals: Array, block: Array) -> None:
        _round(np.exp(normals * std + mean), block)

    fill(out, lambda flat: in_blocks(flat, generator.normals, convert))


def bernoulli(out: Array, p: float, generator: Generator) -> None:
    """1 with probability ``p``, else 0."""
    below = np.uint64(math.ceil(p * 2**53))

    def convert(words: Array, block: Array) -> None:
        words &= np.uint64(2**53 - 1)
        block[:] = words < below

    fill(out, lambda flat: in_blocks(flat, generator.words64, convert))


def bernoulli_each(out: Array, p: Array, generator: Generator) -> None:
    """1 with a probability of its own for each element, in a NumPy array of that shape, else 0."""
    order = drawing_order(out)
    ordered = out.transpose(order)
    numbers = np.empty(ordered.shape, float64 if p.dtype == float64 else np.float32)
    uniform(numbers, 0, 1, generator)
    ordered[...] = xp_of(out).asarray(numbers < p.transpose(order))


def _from_uniform(out: Array, generator: Generator, function: Callable[[Array], Array]) -> None:
    """Numbers computed from ones uniform in [0, 1) of 53 bits."""

    def convert(words: Array, block: Array) -> None:
        uniform_numbers = np.empty(block.shape)
        _uniform53(words, uniform_numbers, 0, 1)
        _round(function(uniform_numbers), block)

    fill(out, lambda flat: in_blocks(flat, generator.words64, convert))


# ---------------------------------------------------------------------------- integers

LARGE_RANGE = 1 << 28  # from which on an integer takes two words


def integers(out: Array, low: int, high: int, generator: Generator) -> None:
    """Integers uniform in [low, high)."""
    words = generator.words if high - low < LARGE_RANGE else generator.words64
    _remainders(out, words, high - low, low)


def all_integers(out: Array, generator: Generator) -> None:
    """Integers from 0 to the largest up to which the dtype of ``out`` has all of them."""
    words = generator.words64 if out.itemsize == 8 else generator.words
    _remainders(out, words, largest_integer(out.dtype) + 1, 0)


def _remainders(out: Array, words: Callable[[int], Array], count: int, low: int) -> None:
    """The remainders of words modulo ``count``, plus ``low``."""
    low64 = np.uint64(low % 2**64).astype(np.int64)

    def convert(words: Array, block: Array) -> None:
        if count < 2**64:
            divisor = words.dtype.type(count)
            words -= words // divisor * divisor  # takes a third of the time of %
        # modulo 2^64, as the sum fits where the remainder alone may not
        block[:] = words.astype(np.int64) + low64

    fill(out, lambda flat: in_blocks(flat, words, convert))


def largest_integer(dtype: np.dtype) -> int:
    """The largest integer up to which a dtype has all of them."""
    if dtype == bool_:
        return 1
    if not is_floating(dtype):
        return int(np.iinfo(dtype).max)
    return 256 if dtype == bfloat16 else 2 ** (np.finfo(dtype).nmant + 1)


def check_range(name: str, low: int, high: int, dtype: np.dtype) -> None:
    """Checks that there are integers in [low, high), and that ``dtype`` holds them.

    Raises:
        RuntimeError: if not; a floating-point dtype without all of them is warned of.
    """
    if low >= high:
        raise RuntimeError(f"{name} expects low < high, got {low} and {high}")
    largest = largest_integer(dtype)
    if is_floating(dtype):
        if low < -largest or high - 1 > largest:
            warn(f"{dtype} holds all integers up to {largest} only, {name} got {low} and {high}")
        return
    least = 0 if dtype == bool_ else int(np.iinfo(dtype).min)
    if low < least or high - 1 > largest:
        raise RuntimeError(
            f"{name} expects numbers from {least} to {largest} for {dtype}, "
            f"got low={low} and high={high}"
        )


def multinomial(weights: Array, size: int, replace: bool, generator: Generator) -> Array:
    """Indices (N, size) of columns, drawn for each row with the probabilities ``weights`` (N, C).

    Without replacement the largest of weight / Exp(1) are taken (P. S. Efraimidis, P. G. Spirakis,
    2006), and with it those that uniform numbers hit in the cumulative sum.
    """
    if not replace or size == 1:
        quotients = np.empty_like(weights)
        exponential(quotients, 1.0, generator)
        np.divide(weights, quotients, out=quotients)
        return np.argsort(-quotients, axis=1, kind="stable")[:, :size]
    sums = np.cumsum(weights, axis=1, dtype=weights.dtype)
    sums /= sums[:, -1:]
    sums[:, -1] = 1
    uniform_numbers = np.empty((len(weights), size))
    uniform(uniform_numbers, 0.0, 1.0, generator)
    rows = [np.searchsorted(*pair) for pair in zip(sums, uniform_numbers)]
    return np.array(rows, np.int64).reshape(uniform_numbers.shape)

"""How fast a GPU could run a launch, by the bytes that it moves and the products that it makes.

Two times. The roofline (Williams, Waterman and Patterson, 2009) is what the card allows: every array
read or written once at the memory's full speed, or the multiply-adds at the tensor cores' peak,
whichever takes longer. The estimate is of the launch as it is: rates that were reached, tiles filled
up, the multiprocessor that has most blocks, what blocks read from the L2 cache, and a start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["CARDS", "Card", "Launch", "Product", "estimate", "roofline", "step_estimate"]


@dataclass(frozen=True)
class Product:
    """A matrix product, and how a kernel divides it among blocks.

    Args:
        problem: its kind, type and sizes.
        tile: rows and columns of the result for a block.
        splits: blocks that share the depth of a tile.
        unit: what multiplies: ``"wgmma"``, ``"mma.sync"`` or ``"float cores"``.
        itemsize: bytes of an element of the operands; tensor cores make half as many products of 4.
        multiply_adds: of the product itself.
        blocks: of the grid.
        block_multiply_adds: of a block, its tile filled up with zeros.
        cache_bytes: that all blocks read of the operands, which come from the L2 cache.
    """

    problem: str
    tile: str
    splits: int
    unit: str
    itemsize: int
    multiply_adds: int
    blocks: int
    block_multiply_adds: int
    cache_bytes: int


@dataclass(frozen=True)
class Launch:
    """A kernel, copy or fill on the GPU.

    Args:
        kernel: its name.
        num_bytes: every array that it reads or writes, once.
        product: the matrix product, if it makes one.
        beside: whether it is on a second stream, beside the others.
    """

    kernel: str
    num_bytes: float
    product: Product | None = None
    beside: bool = False


@dataclass(frozen=True)
class Card:
    """What a GPU can do, in bytes or additions and multiplications per second.

    Args:
        memory, copy: the memory's speed, and what a copy reaches, counting both directions.
        tensor_cores: the peak in 16 bits.
        reached: additions and multiplications by unit, in 16 bits for tensor cores.
        cache: what blocks can read from the L2 cache.
        multiprocessors: of the card.
        start: seconds from the end of one kernel of a graph to the work of the next.
    """

    memory: float
    copy: float
    tensor_cores: float
    reached: dict[str, float]
    cache: float
    multiprocessors: int = 132
    start: float = 2e-6


# Peaks are NVIDIA's, of the data sheets for SXM. Reached: copies and the product of two 8192 x 8192
# matrices in bf16 were measured with PyTorch. mma.sync reaches 60 % of what wgmma does (Luo et al.,
# "Dissecting the NVIDIA Hopper architecture", 2025). The L2 cache of the A100 gives 5120 bytes a cycle
# (NVIDIA's white paper); the same at 1.83 GHz, of which 80 % are taken to be reached, as of the peak.
# float32 without tensor cores reaches 80 % of its 67 TFLOP/s here.
_REACHED = {"wgmma": 790e12, "mma.sync": 474e12, "float cores": 53e12}
_CACHE = 0.8 * 5120 * 1.83e9
CARDS = {
    "H100": Card(3.35e12, 3.0e12, 989e12, _REACHED, _CACHE),
    "H200": Card(4.8e12, 4.3e12, 989e12, _REACHED, _CACHE),
}


def roofline(launch: Launch, card: Card) -> float:
    """The seconds that the card needs at least."""
    seconds = launch.num_bytes / card.memory
    if product := launch.product:
        peak = card.tensor_cores * 2 / product.itemsize
        seconds = max(seconds, 2 * product.multiply_adds / peak)
    return seconds


def estimate(launch: Launch, card: Card) -> tuple[float, str]:
    """The seconds that the launch as it is may take, and what limits it."""
    limits = {"memory": launch.num_bytes / card.copy}
    if product := launch.product:
        rate = card.reached[product.unit]
        if product.unit != "float cores":
            rate *= 2 / product.itemsize
        most = -(-product.blocks // card.multiprocessors)  # blocks of one multiprocessor
        work = most * card.multiprocessors * product.block_multiply_adds
        limits |= {product.unit: 2 * work / rate, "L2 cache": product.cache_bytes / card.cache}
    limit, seconds = max(limits.items(), key=lambda item: item[1])
    if seconds < card.start:
        limit = "start"
    return seconds + card.start, limit


def step_estimate(launches: Iterable[tuple[Launch, int]], card: Card) -> float:
    """The seconds of a step, by its launches and how often each is made.

    Launches on a second stream take no time of their own, as long as the bytes of all launches take
    less than the others do.
    """
    launches = list(launches)
    seconds = {False: 0.0, True: 0.0}
    for launch, times in launches:
        seconds[launch.beside] += times * estimate(launch, card)[0]
    num_bytes = sum(times * launch.num_bytes for launch, times in launches)
    return max(*seconds.values(), num_bytes / card.copy)

"""The tile size for a matrix product, and how many blocks share a tile: by a rule or from a table.

For each tile, the rule estimates the time of a step on a multiprocessor (SM), and how many steps
follow one another when all multiprocessors work. Its constants are round numbers.
``benchmarks/gpu_tune.py`` measures instead and writes a table for each GPU, which takes precedence.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "TILES",
    "Gpu",
    "Plan",
    "Problem",
    "Tile",
    "choose",
    "cycles",
    "plans",
    "share",
    "table",
    "table_path",
]


Table = dict[str, dict[str, list[object]]]


@dataclass(frozen=True)
class Tile:
    """How a block of threads divides its work: ``Tile`` of ``gemm.cuh``.

    Args:
        M: rows of the result for a block.
        N: columns of the result for a block.
        warp_M: rows for a warp.
        warp_N: columns for a warp.
        stages: how many steps have their operands in shared memory at a time.
        blocks: minimum resident blocks per SM, which limits the registers of a block.
    """

    M: int
    N: int
    warp_M: int
    warp_N: int
    stages: int
    blocks: int

    STEP_BYTES = 64  # of a row of an operand, in a step

    @property
    def name(self) -> str:
        return f"{self.M}x{self.N}"

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.M // self.warp_M * (self.N // self.warp_N) * 32

    def depth(self, itemsize: int) -> int:
        """Elements along the depth, in a step."""
        return self.STEP_BYTES // itemsize

    def shared_memory(self, result_itemsize: int) -> int:
        """Bytes of shared memory for the stages, and later for the result and its rows' offsets."""
        stages = self.stages * (self.M + self.N) * self.STEP_BYTES
        return max(stages, self.M * ((self.N + 8) * result_itemsize + 8))

    def expression(self, itemsize: int) -> str:
        """The tile as a C++ type."""
        numbers = (self.M, self.N, self.depth(itemsize), self.warp_M, self.warp_N)
        return f"Tile<{', '.join(map(str, numbers))}, {self.stages}, {self.blocks}>"


_SPLITS = (*range(1, 17), 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 160, 192, 256)
_TENSOR_CORE_TILES = (
    Tile(256, 128, 64, 64, 4, 1),
    Tile(128, 128, 64, 64, 4, 2),
    Tile(128, 96, 64, 48, 4, 3),
    Tile(96, 128, 48, 64, 4, 3),
    Tile(256, 64, 64, 64, 4, 2),
    Tile(64, 256, 64, 64, 4, 2),
    Tile(128, 64, 64, 32, 4, 3),
    Tile(64, 64, 32, 32, 4, 4),
)
# TF32 needs more registers than these leave.
_TF32_TILES = tuple(
    tile for tile in _TENSOR_CORE_TILES if tile.name not in ("128x96", "96x128", "256x64")
)
_FLOAT_TILES = (
    Tile(128, 64, 32, 64, 4, 2),
    Tile(64, 128, 32, 64, 4, 2),
    Tile(64, 64, 32, 64, 4, 4),
)
# By the C++ type of the operands.
TILES = {
    "bfloat16": _TENSOR_CORE_TILES,
    "float16": _TENSOR_CORE_TILES,
    "tfloat32": _TF32_TILES,
    "float": _FLOAT_TILES,
}
ITEMSIZE = {"bfloat16": 2, "float16": 2, "tfloat32": 4, "float": 4}


@dataclass(frozen=True)
class Problem:
    """``count`` matrix products (M, depth) times (depth, N) of one kind.

    Args:
        kind: ``"forward"``, ``"input_grad"`` or ``"weight_grad"``.
        type: the operands' C++ type.
        M, N, depth, count: sizes, and the number of products.
        result_itemsize: bytes of an element of the result.
    """

    kind: str
    type: str
    M: int
    N: int
    depth: int
    count: int
    result_itemsize: int

    @property
    def key(self) -> str:
        """The problem's name in tables."""
        return f"{self.kind} {self.type} {self.M}x{self.N}x{self.depth}*{self.count}"

    def steps(self, tile: Tile) -> int:
        """Steps along the whole depth."""
        return -(-self.depth // tile.depth(ITEMSIZE[self.type]))

    def tiles(self, tile: Tile) -> int:
        """Tiles in the result of one product."""
        return -(-self.M // tile.M) * -(-self.N // tile.N)


@dataclass(frozen=True)
class Plan:
    """A tile, and the number of blocks among which its depth is split."""

    tile: Tile
    splits: int


@dataclass(frozen=True)
class Gpu:
    """What the choice depends on: name, multiprocessors, and bytes of shared memory per block."""

    name: str
    multiprocessors: int
    shared_memory: int


@functools.lru_cache(maxsize=4096)
def choose(problem: Problem, gpu: Gpu) -> Plan:
    """The plan in the table for this GPU and problem, or else the fastest by the rule."""
    possible = plans(problem, gpu)
    entry = table().get(gpu.name, {}).get(problem.key)
    measured = (plan for plan in possible if [plan.tile.name, plan.splits] == entry)
    return next(measured, possible[0])


def plans(problem: Problem, gpu: Gpu) -> list[Plan]:
    """All plans that this GPU can run and that give each block a few steps, the rule's best first."""
    return sorted(_possible(problem, gpu), key=lambda plan: cycles(problem, plan, gpu))


def _possible(problem: Problem, gpu: Gpu) -> Iterator[Plan]:
    for tile in TILES[problem.type]:
        for splits in _SPLITS:
            result_itemsize = problem.result_itemsize if splits == 1 else 4
            fits = tile.shared_memory(result_itemsize) <= gpu.shared_memory
            if fits and (splits == 1 or problem.steps(tile) >= 4 * splits):
                yield Plan(tile, splits)


# What a multiprocessor does in a cycle, roughly as on the A100: multiply-adds by type, and bytes
# from shared memory, the L2 cache and global memory.
_MULTIPLY_ADDS = {"bfloat16": 1024, "float16": 1024, "tfloat32": 512, "float": 128}
_SHARED_BYTES, _CACHE_BYTES, _MEMORY_BYTES = 128, 32, 10
_STEP_LATENCY = 400  # cycles from one barrier to the next, at least, for a block alone
_BLOCK_START, _LAUNCH = 1500, 3000  # cycles


def cycles(problem: Problem, plan: Plan, gpu: Gpu) -> float:
    """An estimate of a plan's time, in cycles of the GPU's clock."""
    tile = plan.tile
    warps = tile.threads // 32
    step = max(
        tile.M * tile.N * tile.depth(ITEMSIZE[problem.type]) / _MULTIPLY_ADDS[problem.type],
        warps * (tile.warp_M + tile.warp_N) * tile.STEP_BYTES / _SHARED_BYTES,
        (tile.M + tile.N) * tile.STEP_BYTES / _CACHE_BYTES,
    )
    steps = -(-problem.steps(tile) // plan.splits)
    result = tile.M * tile.N * problem.result_itemsize / _CACHE_BYTES

    def wave(blocks: int) -> float:
        """Cycles for so many blocks that run side by side on a multiprocessor."""
        return steps * max(blocks * step, _STEP_LATENCY) + blocks * result + _BLOCK_START

    blocks = problem.tiles(tile) * problem.count * plan.splits
    full, rest = divmod(blocks, gpu.multiprocessors * tile.blocks)
    time = full * wave(tile.blocks)
    if rest:
        time += wave(-(-rest // gpu.multiprocessors))
    if plan.splits > 1:  # partial sums are written and read again
        parts = problem.M * problem.N * problem.count * plan.splits * 4
        time += _LAUNCH + 2 * parts / (_MEMORY_BYTES * gpu.multiprocessors)
    return time


# ---- tables ----


def table_path() -> Path:
    """The path of the user's table of measured plans."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "minicnn" / "tiles.json"


_shared: list[Table] = []  # empty or one


def share(plans: Table) -> None:
    """Takes these plans from here on, and none from files.

    The processes that train one network choose the same plans so, and get the same bits.
    """
    _shared[:] = [plans]
    choose.cache_clear()


def table() -> Table:
    """Plans ``[tile, splits]`` by GPU and problem: the shared ones, or those of the files."""
    return _shared[0] if _shared else read_table()


@functools.cache
def read_table() -> Table:
    """The plans in the files: the package's, then the user's."""
    found: Table = {}
    for path in (Path(__file__).with_name("tiles.json"), table_path()):
        if path.exists():
            for gpu, entries in json.loads(path.read_text(encoding="utf-8")).items():
                found.setdefault(gpu, {}).update(entries)
    return found

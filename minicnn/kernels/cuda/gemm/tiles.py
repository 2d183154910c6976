"""The tile size for a matrix product, and how many blocks share a tile: by a rule or from a table.

For each tile, the rule estimates the time of a step on a multiprocessor (SM), and how many steps
follow one another when all multiprocessors work. Its constants are round numbers. On Hopper it also
considers tiles that are multiplied by warpgroups (``warpgroup.cuh``), which no other GPU can run.
``benchmarks/gpu_tune.py`` measures instead and writes a table for each GPU, which takes precedence.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = [
    "TILES",
    "WARPGROUP_TILES",
    "Gpu",
    "Plan",
    "Problem",
    "Tile",
    "WarpgroupTile",
    "available",
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
        part_M: rows for those threads that multiply together: a warp, or a warpgroup.
        part_N: columns for them.
        stages: how many steps have their operands in shared memory at a time.
        blocks: minimum resident blocks per SM, which limits the registers of a block.
    """

    M: int
    N: int
    part_M: int
    part_N: int
    stages: int
    blocks: int

    instruction: ClassVar[str] = "mma"  # that multiplies 16-bit floats and TF32
    arch: ClassVar[str | None] = None  # to compile for, if it is not simply the GPU's
    STEP_BYTES: ClassVar[int] = 64  # of a row of an operand, in a step
    PART_THREADS: ClassVar[int] = 32

    @property
    def name(self) -> str:
        return f"{self.M}x{self.N}"

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self._parts * self.PART_THREADS

    @property
    def shared_traffic(self) -> int:
        """Bytes that a step writes to shared memory and that its products read there."""
        return (self.M + self.N + self._rows_read) * self.STEP_BYTES

    @property
    def _parts(self) -> int:
        return self.M // self.part_M * (self.N // self.part_N)

    @property
    def _rows_read(self) -> int:
        """Rows of operands that the products of a step read."""
        return self._parts * (self.part_M + self.part_N)

    def depth(self, itemsize: int) -> int:
        """Elements along the depth, in a step."""
        return self.STEP_BYTES // itemsize

    def shared_memory(self, result_itemsize: int) -> int:
        """Bytes of shared memory for the stages, and later for the result and its rows' offsets."""
        stages = self.stages * (self.M + self.N) * self.STEP_BYTES
        return max(stages, self.M * ((self.N + 8) * result_itemsize + 8))

    def expression(self, itemsize: int) -> str:
        """The tile as a C++ type."""
        numbers = (self.M, self.N, self.depth(itemsize), self.part_M, self.part_N)
        return f"Tile<{', '.join(map(str, numbers))}, {self.stages}, {self.blocks}>"


@dataclass(frozen=True)
class WarpgroupTile(Tile):
    """A tile whose parts are multiplied by warpgroups: ``WarpgroupTile`` of ``warpgroup.cuh``."""

    instruction = "wgmma"
    arch = "sm_90a"
    STEP_BYTES = 128
    PART_THREADS = 128

    @property
    def name(self) -> str:
        return f"wgmma {self.M}x{self.N}"

    @property
    def _rows_read(self) -> int:  # a product has 64 rows, whatever the part has
        return self._parts * (self.part_M // 64) * (64 + self.part_N)

    def expression(self, itemsize: int) -> str:
        """The tile as a C++ type."""
        numbers = (self.M, self.N, self.part_M, self.part_N, self.stages, self.blocks)
        return f"WarpgroupTile<{', '.join(map(str, numbers))}>"


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
# The same for GPUs that have wgmma. It can read TF32, too, but only with the depth innermost, which
# no gradient has.
_WGMMA_TILES = (
    WarpgroupTile(128, 256, 64, 256, 4, 1),
    WarpgroupTile(256, 128, 128, 128, 4, 1),
    WarpgroupTile(128, 128, 128, 128, 3, 2),
    WarpgroupTile(128, 192, 64, 192, 4, 1),
    WarpgroupTile(256, 96, 128, 96, 4, 1),
    WarpgroupTile(256, 64, 128, 64, 4, 1),
    WarpgroupTile(64, 256, 64, 128, 4, 1),
)
WARPGROUP_TILES: dict[str, tuple[Tile, ...]] = {"bfloat16": _WGMMA_TILES, "float16": _WGMMA_TILES}
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
    """What the choice depends on.

    Args:
        name: as the driver says it.
        multiprocessors: how many there are.
        shared_memory: bytes that a block may have.
        compute_capability: such as 90 for 9.0.
    """

    name: str
    multiprocessors: int
    shared_memory: int
    compute_capability: int

    @property
    def has_wgmma(self) -> bool:
        """Whether it multiplies by warpgroups, as Hopper does, and neither GPUs before nor after."""
        return self.compute_capability // 10 == 9


def available(type_: str, gpu: Gpu) -> tuple[Tile, ...]:
    """The tiles for operands of a C++ type whose instructions this GPU has, the better ones first."""
    return (WARPGROUP_TILES.get(type_, ()) if gpu.has_wgmma else ()) + TILES[type_]


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
    for tile in available(problem.type, gpu):
        for splits in _SPLITS:
            result_itemsize = problem.result_itemsize if splits == 1 else 4
            fits = tile.shared_memory(result_itemsize) <= gpu.shared_memory
            if fits and (splits == 1 or problem.steps(tile) >= 4 * splits):
                yield Plan(tile, splits)


@dataclass(frozen=True)
class _Speeds:
    """What a multiprocessor does in a cycle.

    Args:
        multiply_adds: by instruction and the operands' C++ type.
        shared, cache, memory: bytes to and from shared memory, the L2 cache and global memory.
    """

    multiply_adds: dict[str, dict[str, int]]
    shared: int
    cache: int
    memory: int


# Roughly as on the A100, and as on the H100, whose tensor cores reach half of their speed by mma.
_AMPERE = _Speeds(
    {"mma": {"bfloat16": 1024, "float16": 1024, "tfloat32": 512, "float": 128}},
    shared=128,
    cache=32,
    memory=10,
)
_HOPPER = _Speeds(
    {
        "mma": {"bfloat16": 1024, "float16": 1024, "tfloat32": 512, "float": 128},
        "wgmma": {"bfloat16": 2048, "float16": 2048},
    },
    shared=128,
    cache=40,
    memory=14,
)
_STEP_LATENCY = 400  # cycles from one barrier to the next, at least, for a block alone
_BLOCK_START, _LAUNCH = 1500, 3000  # cycles


def cycles(problem: Problem, plan: Plan, gpu: Gpu) -> float:
    """An estimate of a plan's time, in cycles of the GPU's clock."""
    tile = plan.tile
    speeds = _HOPPER if gpu.compute_capability >= 90 else _AMPERE
    multiply_adds = tile.M * tile.N * tile.depth(ITEMSIZE[problem.type])
    step = max(
        multiply_adds / speeds.multiply_adds[tile.instruction][problem.type],
        tile.shared_traffic / speeds.shared,
        (tile.M + tile.N) * tile.STEP_BYTES / speeds.cache,
    )
    steps = -(-problem.steps(tile) // plan.splits)
    result = tile.M * tile.N * problem.result_itemsize / speeds.cache

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
        time += _LAUNCH + 2 * parts / (speeds.memory * gpu.multiprocessors)
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

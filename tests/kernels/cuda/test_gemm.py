"""What the matrix products do with shared memory, which only the emulated GPU tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("cupy", reason="CuPy is not installed")

import minicnn
from minicnn.kernels import Geometry, cuda, tf32
from minicnn.kernels.cuda import conv
from minicnn.kernels.cuda.gemm import tiles

TYPES = {"bfloat16": minicnn.bfloat16, "tfloat32": minicnn.float32}  # that ldmatrix loads
CASES = [
    pytest.param(
        type_,
        tile,
        id=f"{type_}-{tile.name}",
        marks=[] if tile.name == "128x128" else [pytest.mark.slow],
    )
    for type_ in TYPES
    for tile in tiles.TILES[type_]
]


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """By kernel: passes over shared memory that ldmatrix made, and those for bank conflicts."""
    cuda_emulator = pytest.importorskip("cuda_emulator")
    launch = cuda_emulator.Kernel.__call__
    found = {}

    def noting(self: Any, *args: Any, **options: Any) -> Any:
        statistics = launch(self, *args, **options)
        found[self.name.split("<")[0]] = statistics.ldmatrix_phases, statistics.ldmatrix_replays
        return statistics

    monkeypatch.setattr(cuda_emulator.Kernel, "__call__", noting)
    return found


@pytest.mark.emulated_only
@pytest.mark.parametrize("type_, tile", CASES)
def test_ldmatrix_meets_no_bank_conflicts(
    cp: Any,
    replays: dict[str, tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    type_: str,
    tile: tiles.Tile,
) -> None:
    monkeypatch.setitem(tf32.allow_tf32, "conv", type_ == "tfloat32")
    geometry = Geometry((5, 6), (5, 6), (3, 3), padding=(1, 1))
    x = cp.ones((1, 16, 5, 6), np.float32).astype(TYPES[type_])
    weight = cp.ones((16, 16, 3, 3), np.float32).astype(TYPES[type_])
    with conv.planned_by(lambda problem, gpu: tiles.Plan(tile, 1)):
        grad = cuda.conv2d(x, weight, None, geometry)
        cuda.conv2d_input_grad(grad, weight, geometry)
        cuda.conv2d_weight_grad(grad, x, geometry)
    for kernel in ("conv_forward", "conv_input_grad", "conv_weight_grad"):
        passes, conflicts = replays[kernel]
        # tensor cores read TF32 without ldmatrix where it would have to transpose
        assert passes > 0 or (type_ == "tfloat32" and kernel == "conv_weight_grad")
        assert conflicts == 0


@pytest.mark.parametrize("type_", tiles.TILES)
def test_shared_memory_and_threads_fit_all_gpus(type_: str) -> None:
    smallest_limit = 101376  # bytes a block may have on sm_86 and sm_89
    for tile in tiles.TILES[type_]:
        assert tile.threads <= 1024
        assert tile.blocks * tile.threads * 32 <= 65536  # registers
        assert tile.shared_memory(tiles.ITEMSIZE[type_]) <= smallest_limit or tile.M == 256


def test_tiles_of_warpgroups_fit_hopper() -> None:
    for tile in tiles.WARPGROUP_TILES["bfloat16"]:
        assert tile.threads % 128 == 0
        for itemsize in (2, 4):  # of the result
            bytes_of_a_block = tile.shared_memory(itemsize) + 1024  # the system's
            assert tile.blocks * bytes_of_a_block <= 228 << 10

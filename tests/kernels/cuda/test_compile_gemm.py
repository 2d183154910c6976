"""The matrix products compile for each GPU, in every tile, and keep their sums in registers.

Their kernels have too many instances to compile all of them. The tests compile those in which
threads copy 16 bytes at a time.
"""

from __future__ import annotations

import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")
tiles = pytest.importorskip("minicnn.kernels.cuda.gemm.tiles")

from cuda_emulator.resources import compile_for

from minicnn.kernels.cuda.conv import cuda_file

pytestmark = pytest.mark.emulated_only  # no emulation, but NVRTC, which that needs, too

CASES = [(type_, tile) for type_ in tiles.TILES for tile in tiles.TILES[type_]]


# Bytes of stack and of spills: this tile leaves too few registers for the mask and the sums by channel.
SPILLS = {("conv_input_grad_relu", "256x64", "sm_80"): (16, 44)}


def instances(type_: str, tile: tiles.Tile) -> list[str]:
    itemsize = tiles.ITEMSIZE[type_]
    vector = 16 // itemsize
    result = "float" if itemsize == 4 else type_
    shape = f"{type_}, {tile.expression(itemsize)}, {vector}"
    return [
        f"conv_forward<{shape}, {result}, float>",
        f"conv_input_grad<{shape}, {vector}, {result}>",
        f"conv_input_grad_relu<{shape}, {vector}, {result}>",
        f"conv_weight_grad<{shape}, {vector}, float>",
    ]


@pytest.mark.parametrize(
    "arch",
    [
        "sm_90",
        pytest.param("sm_80", marks=pytest.mark.slow),
        pytest.param("sm_100", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("type_, tile", CASES, ids=lambda case: getattr(case, "name", case))
def test_compiles(type_: str, tile: tiles.Tile, arch: str) -> None:
    kernels, log = compile_for(arch, cuda_file.source, instances(type_, tile), cuda_file.name)
    for name, used in kernels.items():
        expected = SPILLS.get((name.partition("<")[0], tile.name, arch), (0, 0))
        assert (used.stack, used.spills) == expected, f"{name} keeps values outside of registers"
    assert "warning" not in log, log


@pytest.mark.parametrize("type_", [pytest.param("float16", marks=pytest.mark.slow), "bfloat16"])
@pytest.mark.parametrize("number", range(len(tiles.WARPGROUP_TILES["bfloat16"])))
def test_products_of_warpgroups_overlap(type_: str, number: int) -> None:
    tile = tiles.WARPGROUP_TILES[type_][number]
    kernels, log = compile_for(tile.arch, cuda_file.source, instances(type_, tile), cuda_file.name)
    for name, used in kernels.items():
        assert (used.stack, used.spills) == (0, 0), f"{name} keeps values outside of registers"
    assert "warning" not in log, log
    assert "serialized" not in log, log  # the compiler waits after each product

"""The choice of tiles and splits: by rule, and by the table that measurements fill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cupy", reason="neither CuPy nor its stand-in is here")

from minicnn.kernels.cuda.gemm import tiles
from minicnn.kernels.cuda.gemm.tiles import Gpu, Problem, choose, plans

A100 = Gpu("A100", 108, 166912, 80)
H100 = Gpu("H100", 132, 232448, 90)
LARGE = Problem("forward", "bfloat16", 1 << 20, 512, 4608, 1, 2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    forget()
    yield
    forget()


def forget() -> None:
    tiles.read_table.cache_clear()
    tiles.choose.cache_clear()


def test_large_products_take_large_tiles_whole() -> None:
    plan = choose(LARGE, A100)
    assert plan.tile.M * plan.tile.N >= 128 * 128
    assert plan.splits == 1


def test_narrow_products_take_narrow_tiles() -> None:
    assert choose(Problem("forward", "bfloat16", 1 << 20, 64, 576, 1, 2), A100).tile.N == 64
    assert choose(Problem("weight_grad", "bfloat16", 64, 576, 1 << 20, 1, 4), A100).tile.M == 64


def test_96_columns_or_rows_take_a_tile_of_their_own() -> None:
    """AlexNet's first convolution and the input gradient of its second."""
    forward = Problem("forward", "bfloat16", 387200, 96, 484, 1, 2)
    weight_grad = Problem("weight_grad", "bfloat16", 96, 484, 387200, 1, 4)
    input_grad = Problem("input_grad", "bfloat16", 93312, 96, 6400, 1, 2)
    names = [choose(problem, A100).tile.name for problem in (forward, weight_grad, input_grad)]
    assert names == ["128x96", "96x128", "128x96"]


def test_depth_is_split_where_the_gpu_would_be_idle() -> None:
    linear = Problem("forward", "bfloat16", 128, 4096, 9216, 1, 2)
    plan = choose(linear, A100)
    assert plan.splits > 1
    assert linear.tiles(plan.tile) * plan.splits >= 0.8 * A100.multiprocessors


def test_every_block_has_some_steps() -> None:
    for type_ in tiles.TILES:
        problem = Problem("forward", type_, 10, 10, 700, 1, 4)
        for plan in plans(problem, A100):
            assert plan.splits == 1 or problem.steps(plan.tile) >= 4 * plan.splits


def test_tiles_beyond_the_shared_memory_are_left_out() -> None:
    small = Gpu("small", 20, 64 << 10, 80)
    names = {plan.tile.name for plan in plans(LARGE, small)}
    assert "64x64" in names
    assert "256x128" not in names
    assert "256x128" in {plan.tile.name for plan in plans(LARGE, A100)}


@pytest.mark.parametrize("kind", ["forward", "input_grad", "weight_grad"])
def test_hopper_multiplies_large_products_by_warpgroups(kind: str) -> None:
    plan = choose(Problem(kind, "bfloat16", 1 << 20, 512, 4608, 1, 2), H100)
    assert plan.tile.instruction == "wgmma"
    assert plan.tile.arch == "sm_90a"


@pytest.mark.parametrize("compute_capability", [80, 86, 89, 100, 103, 120])
def test_no_other_gpu_sees_tiles_of_warpgroups(compute_capability: int) -> None:
    gpu = Gpu("another", 132, 232448, compute_capability)
    assert all(plan.tile.arch is None for plan in plans(LARGE, gpu))


def test_tf32_and_float_have_no_tiles_of_warpgroups() -> None:
    for type_ in ("tfloat32", "float"):
        problem = Problem("forward", type_, 1 << 20, 512, 4608, 1, 4)
        assert all(plan.tile.arch is None for plan in plans(problem, H100))


def test_names_tell_tiles_apart() -> None:
    for type_, warpgroup_tiles in tiles.WARPGROUP_TILES.items():
        names = [tile.name for tile in (*tiles.TILES[type_], *warpgroup_tiles)]
        assert len(set(names)) == len(names)


def test_no_shape_is_without_a_plan() -> None:
    for type_ in tiles.TILES:
        for M, N, depth in ((1, 1, 1), (1, 10, 4), (7, 1, 100000)):
            assert choose(Problem("forward", type_, M, N, depth, 1, 4), A100)


def test_the_table_comes_before_the_rule() -> None:
    path = tiles.table_path()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"A100": {LARGE.key: ["64x64", 3]}}))
    forget()
    plan = choose(LARGE, A100)
    assert (plan.tile.name, plan.splits) == ("64x64", 3)
    assert choose(LARGE, H100).tile.name != "64x64"


def test_entries_that_cannot_run_are_passed_over() -> None:
    path = tiles.table_path()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"A100": {LARGE.key: ["48x48", 1]}}))
    forget()
    assert choose(LARGE, A100) == plans(LARGE, A100)[0]


def test_expression_and_sizes() -> None:
    tile = next(tile for tile in tiles.TILES["bfloat16"] if tile.name == "128x128")
    assert tile.expression(2) == "Tile<128, 128, 32, 64, 64, 4, 2>"
    assert tile.expression(4) == "Tile<128, 128, 16, 64, 64, 4, 2>"
    assert tile.threads == 128
    assert tile.shared_memory(2) == 4 * (128 + 128) * 64
    assert tile.shared_memory(4) == 128 * ((128 + 8) * 4 + 8)
    assert tile.shared_traffic == (2 * 128 + 4 * 128) * 64


def test_expression_and_sizes_for_warpgroups() -> None:
    tile = tiles.WarpgroupTile(128, 256, 64, 256, 4, 1)
    assert tile.expression(2) == "WarpgroupTile<128, 256, 64, 256, 4, 1>"
    assert tile.depth(2) == 64
    assert tile.threads == 256
    assert tile.shared_memory(2) == 4 * (128 + 256) * 128
    assert tile.shared_traffic == (128 + 256 + 2 * (64 + 256)) * 128
    wide = tiles.WarpgroupTile(128, 128, 128, 128, 3, 2)  # two products of 64 rows
    assert wide.shared_traffic == (128 + 128 + 2 * (64 + 128)) * 128


def test_a_shared_table_replaces_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "_shared", [])
    best, *others = plans(LARGE, A100)
    assert choose(LARGE, A100) == best
    other = others[-1]
    tiles.share({"A100": {LARGE.key: [other.tile.name, other.splits]}})
    assert choose(LARGE, A100) == other
    tiles.share({})
    assert choose(LARGE, A100) == best

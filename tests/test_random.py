"""The generator: torch's numbers, one after the other, and torch's states in both directions."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minicnn as mc
from minicnn.data.seeding import epoch_generator, sample_generator
from minicnn.draws import in_blocks
from minicnn.permutation import permutation

pytestmark = pytest.mark.cpu_only
SEEDS = pytest.mark.parametrize("seed", [0, 5, 2**33 + 7, -1, -(2**63), 2**64 - 1])
DTYPES = ["float16", "bfloat16", "float32", "float64"]


def numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.double().numpy())


def mixed(lib: Any, dtype: str = "float32") -> list[Any]:
    """Calls of all kinds, with odd counts: pairs of normals are left for later calls."""
    options = {"dtype": getattr(lib, dtype)}
    return [
        lib.randn(3, **options),
        lib.rand(5, **options),
        lib.randperm(11),
        lib.randn(2, **options),
        lib.randn(40, **options),
        lib.randint(0, 10, (7,)),
        lib.empty(9, **options).bernoulli_(0.3),
        lib.randint(-5, 2**40, (3,)),
        lib.randn(1, **options),
        lib.empty((), dtype=lib.int64).random_(),
        lib.rand(20001, **options),
        lib.nn.functional.dropout(lib.ones(33, **options), 0.4),
        lib.randn(17, **options),
    ]


@SEEDS
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_call_after_the_other(seed: int, dtype: str) -> None:
    torch.manual_seed(seed)
    mc.manual_seed(seed)
    assert mc.initial_seed() == torch.initial_seed()
    rounding = {"float16": 2**-10, "bfloat16": 2**-7}.get(dtype, 1e-6)
    for i, (ours, theirs) in enumerate(zip(mixed(mc, dtype), mixed(torch, dtype), strict=True)):
        is_normal = i in (0, 3, 4, 8, 12)
        error = np.abs(numbers(ours) - numbers(theirs)).max()
        assert error <= (4 * rounding if is_normal else 0), i
    assert mc.get_rng_state().tolist() == torch.get_rng_state().tolist()


@SEEDS
@pytest.mark.parametrize("draws", range(0, 13, 3))
def test_a_state_of_torch_goes_on_here_and_back(seed: int, draws: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for n in range(draws):
        torch.randn(n, generator=generator)
        torch.rand(313, generator=generator)
    ours = mc.Generator()
    ours.set_state(mc.tensor(generator.get_state().numpy()))
    assert ours.initial_seed() == generator.initial_seed()
    assert ours.get_state().tolist() == generator.get_state().tolist()
    for lib, given in ((mc, ours), (torch, generator)):
        lib.randn(3, generator=given)
        lib.rand(700, generator=given)
    back = torch.Generator()
    back.set_state(torch.tensor(ours.get_state().numpy()))
    for lib in (torch, mc):
        drawn = lib.randn(5, generator=back if lib is torch else ours)
        expected = torch.randn(5, generator=generator.clone_state())
        np.testing.assert_allclose(drawn.numpy(), expected.numpy(), rtol=1e-6)


def test_single_numbers_are_the_ones_of_arrays() -> None:
    one, many = (mc.Generator().manual_seed(3) for _ in range(2))
    assert [one.random() for _ in range(5)] == many.random(5).tolist()
    assert [one.random(dtype=np.float64) for _ in range(5)] == many.random(5, np.float64).tolist()
    assert [one.normal() for _ in range(5)] == many.normal(5, np.float64).tolist()
    assert [one.integers(-3, 9) for _ in range(5)] == many.integers(-3, 9, 5).tolist()
    assert [one.integers(0, 2**40) for _ in range(5)] == many.integers(0, 2**40, 5).tolist()
    torch.manual_seed(8)
    expected = int(torch.empty((), dtype=torch.int64).random_())
    assert mc.Generator().manual_seed(8).random_() == expected


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100, 4000, 4001, 30000])
def test_permutations(n: int) -> None:
    torch.manual_seed(n)
    assert (
        permutation(n, mc.Generator().manual_seed(n).words).tolist() == torch.randperm(n).tolist()
    )


@pytest.mark.parametrize("replace", [True, False])
def test_choice_is_multinomial(replace: bool) -> None:
    p = np.linspace(0, 1, 30)
    torch.manual_seed(1)
    expected = torch.multinomial(torch.tensor(p), 20, replace).tolist()
    assert mc.Generator().manual_seed(1).choice(30, 20, replace, p).tolist() == expected


def test_seeds() -> None:
    assert mc.Generator().initial_seed() == torch.Generator().initial_seed()
    generator = mc.Generator()
    assert generator.manual_seed(np.int64(4)) is generator and generator.initial_seed() == 4
    assert generator.seed() == generator.initial_seed() != 4
    assert mc.manual_seed(3) is mc.default_generator and mc.random.cuda_generator.philox()[0] == 3
    assert mc.seed() == mc.initial_seed() != 3


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_a_seed_out_of_range(seed: int) -> None:
    for lib in (torch, mc):
        with pytest.raises(ValueError):
            lib.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [1.5, "a", True, None])
def test_what_is_no_seed(seed: Any) -> None:
    for lib in (torch, mc):
        with pytest.raises(RuntimeError, match="manual_seed expect"):
            lib.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "state, error",
    [
        (lambda lib: lib.zeros(5056), TypeError),
        (lambda lib: np.zeros(5056, np.uint8), TypeError),
        (lambda lib: lib.zeros(5055, dtype=lib.uint8), RuntimeError),
        (lambda lib: lib.zeros(5056, dtype=lib.uint8), RuntimeError),
        (lambda lib: lib.ones(5056, dtype=lib.uint8), RuntimeError),
    ],
)
def test_what_is_no_state(state: Callable[[Any], Any], error: type[Exception]) -> None:
    for lib in (torch, mc):
        with pytest.raises(error):
            lib.Generator().set_state(state(lib))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), mc.Generator.clone_state]
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_copies_go_on_alike(copied: Callable[[mc.Generator], mc.Generator], device: str) -> None:
    generator = mc.Generator(device).manual_seed(4)
    generator.normal(), generator.philox()
    twin = copied(generator)
    assert twin is not generator and twin.device == device
    if device == "cuda":
        assert generator.philox() == twin.philox() == (4, 2)
    assert generator.normal() == twin.normal() and generator.random() == twin.random()


def test_fork_rng() -> None:
    mc.manual_seed(2)
    expected = mc.rand(3).tolist()
    mc.manual_seed(2)
    with mc.random.fork_rng(devices=[0], enabled=True):
        mc.manual_seed(9)
        mc.random.cuda_generator.philox()
    assert mc.initial_seed() == 2 and mc.random.cuda_generator.philox() == (2, 1)

    @mc.random.fork_rng()
    def decorated() -> None:
        mc.rand(100)

    decorated()
    assert mc.rand(3).tolist() == expected
    with mc.random.fork_rng(enabled=False):
        mc.manual_seed(5)
    assert mc.initial_seed() == 5


def test_samples_have_streams_of_their_own() -> None:
    """Each of the three numbers counts, and a generator that is restarted is as good as a new one."""
    used = mc.Generator()
    used.normal()
    drawn = [
        sample_generator(*place, used).random(3).tolist()
        for place in [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (1 + 2**40, 2, 3)]
    ]
    drawn.append(epoch_generator(1, 2).random(3).tolist())
    assert len({tuple(row) for row in drawn}) == 6
    assert drawn[0] == sample_generator(1, 2, 3).random(3).tolist()


def test_seeding_a_gpu_without_one() -> None:
    if mc.cuda.is_available():
        pytest.skip("there is one")
    mc.cuda.manual_seed(3)
    mc.cuda.manual_seed_all(4)
    assert mc.random.cuda_generator.initial_seed() == 4 and mc.cuda.get_rng_state_all() == []
    mc.cuda.set_rng_state_all([])
    for name in ("initial_seed", "get_rng_state"):
        with pytest.raises(RuntimeError, match=f"cuda.{name} needs a GPU"):
            getattr(mc.cuda, name)()


def test_a_second_thread_changes_no_number():
    before = mc.get_num_threads()
    drawn = []
    try:
        for threads in (1, 2):
            mc.set_num_threads(threads)
            mc.manual_seed(3)
            x = mc.empty(5 * 2**16 + 7)
            names = ("normal_", "uniform_", "exponential_", "random_")
            drawn.append([getattr(x, name)().numpy().copy() for name in names])
    finally:
        mc.set_num_threads(before)
    for one, two in zip(*drawn):
        np.testing.assert_array_equal(one, two)


def test_an_error_in_a_second_thread_is_raised():
    def convert(words: np.ndarray, block: np.ndarray) -> None:
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        in_blocks(np.empty(2**19), mc.default_generator.words, convert)

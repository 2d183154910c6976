"""The random generator of the GPUs, under the names of ``torch.cuda.random``.

All GPUs share one generator, so the argument ``device`` has no effect. Without a GPU, seeding is
accepted, and reading the state is an error, as in torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..devices import cuda_is_available
from ..random import cuda_generator
from ..tensor import Tensor


def manual_seed(seed: int) -> None:
    """Seeds the generator of the GPUs."""
    cuda_generator.manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seeds the generator of the GPUs."""
    manual_seed(seed)


def seed() -> None:
    """Seeds the generator of the GPUs with a number of the operating system."""
    cuda_generator.seed()


def seed_all() -> None:
    """Seeds the generator of the GPUs with a number of the operating system."""
    seed()


def initial_seed() -> int:
    """The seed of the generator of the GPUs.

    Raises:
        RuntimeError: without a GPU.
    """
    _check_gpu("initial_seed")
    return cuda_generator.initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The state of the generator of the GPUs.

    Raises:
        RuntimeError: without a GPU.
    """
    _check_gpu("get_rng_state")
    return cuda_generator.get_state()


def get_rng_state_all() -> list[Tensor]:
    """The states of all generators of GPUs: one, or none without a GPU."""
    return [cuda_generator.get_state()] if cuda_is_available() else []


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Sets the state of the generator of the GPUs; nothing happens without a GPU."""
    if cuda_is_available():
        cuda_generator.set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Sets the states that :func:`get_rng_state_all` returned."""
    for state in new_states:
        set_rng_state(state)


def _check_gpu(name: str) -> None:
    if not cuda_is_available():
        raise RuntimeError(f"cuda.{name} needs a GPU, and none was found")

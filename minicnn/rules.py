"""Whose rule holds where minicnn's own and torch's exclude each other.

Minicnn's own, unless the program runs under ``minicnn.torch``:

- ``Tensor(array)`` wraps an array as it is; torch's makes a copy in the default dtype, float32.
- A sample of a ``DataLoader`` draws random numbers that depend on the epoch's seed and its position
  alone; torch's draw from the default generator in turn, or from a stream of their worker. Workers
  are threads; torch's are processes, which it forks where the system does (:mod:`minicnn.data.seeding`,
  :class:`minicnn.data.DataLoader`).
- An annotation of COCO that does not fit is an error; torchvision does not look.
- ``distributed.get_rank()`` is 0 before there is a process group; torch's raises an error.
"""

torch_rules = False


def follow_torch(follow: bool = True) -> None:
    """Chooses torch's rules, or minicnn's own, for the whole program."""
    global torch_rules
    torch_rules = follow

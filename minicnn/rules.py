"""Whose rule holds where minicnn's own and torch's exclude each other.

Minicnn's own, unless the program runs under ``minicnn.torch``:

- ``Tensor(array)`` wraps an array as it is; torch's makes a copy in the default dtype, float32.
"""

torch_rules = False


def follow_torch(follow: bool = True) -> None:
    """Chooses torch's rules, or minicnn's own, for the whole program."""
    global torch_rules
    torch_rules = follow

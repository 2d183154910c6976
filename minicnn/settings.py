"""torch's settings that change nothing here, kept so that scripts can set and ask them."""

from __future__ import annotations

_settings = {"deterministic": 0, "interop_threads": 1, "warn_always": 0}
_DEBUG_MODES = ("default", "warn", "error")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Asks for operations that give the same numbers in every run, which those on the CPU do."""
    _settings["deterministic"] = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` was asked for."""
    return _settings["deterministic"] > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was asked for with ``warn_only``."""
    return _settings["deterministic"] == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """The same as one of ``"default"``, ``"warn"`` and ``"error"``, or as 0, 1 and 2.

    Raises:
        ValueError: for another name.
    """
    if isinstance(debug_mode, str):
        if debug_mode not in _DEBUG_MODES:
            names = ", ".join(_DEBUG_MODES)
            raise ValueError(f"debug_mode must be one of {names}, got {debug_mode!r}")
        debug_mode = _DEBUG_MODES.index(debug_mode)
    _settings["deterministic"] = debug_mode


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2."""
    return _settings["deterministic"]


def set_num_interop_threads(n: int) -> None:
    """Notes a number of threads for operations at the same time, of which there is only one."""
    _settings["interop_threads"] = n


def get_num_interop_threads() -> int:
    """The number that was noted, 1 by default."""
    return _settings["interop_threads"]


def set_warn_always(b: bool) -> None:
    """Notes whether each warning should appear every time; Python's filters decide."""
    _settings["warn_always"] = b


def is_warn_always_enabled() -> bool:
    """What was noted."""
    return bool(_settings["warn_always"])


def set_flush_denormal(mode: bool) -> bool:
    """Does nothing and returns False: the smallest numbers are never rounded to zero."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """True, as in torch; nothing is compiled here."""
    return True

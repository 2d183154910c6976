"""The calls of OpInfo: every way to call an operation that both libraries have, and its samples."""

from __future__ import annotations

import functools
import operator
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

import minicnn as mc

from .call import Results, run, seed_all
from .judge import Disagreement, NoAnswer, attempt, both_refuse, compare
from .values import described, is_within_scope, leaves, replaced, with_gaps

FLOATS = (torch.float64, torch.float32)
HALVES = (torch.float16, torch.bfloat16)
OTHERS = (torch.int64, torch.uint8, torch.bool)
DTYPES = FLOATS + HALVES + OTHERS
IN_ALL_WAYS = (torch.float32, torch.int64)
# Operations whose numbers are random: only shapes and dtypes can agree.
RANDOM = ("rand", "normal", "bernoulli", "multinomial", "empty", "dropout", "uniform", "exponential",
          "geometric", "cauchy")  # fmt: skip
# Dropout inside of these has torch's masks on the CPU alone.
RANDOM_ON_A_GPU = (*RANDOM, "scaled_dot_product_attention", "multi_head_attention_forward")
# Operations in which torch leaves open which of equal elements is taken, and the signs of vectors.
OPEN_TIES = ("argsort", "kthvalue", "mode", "msort", "sort", "topk")
OPEN_SIGNS = ("linalg.eigh", "linalg.svd", "svd")

Function = Callable[..., Any]


@dataclass
class Way:
    """One way to call an operation, such as ``Tensor.add_``, in both libraries."""

    name: str
    theirs: Function
    ours: Function

    @property
    def is_method(self) -> bool:
        return self.name.startswith("Tensor.")

    @property
    def is_in_place(self) -> bool:
        return self.is_method and self.name.endswith("_") and not self.name.endswith("__")


@dataclass
class Case:
    """One sample, called in one way."""

    info: Any
    way: Way
    dtype: torch.dtype
    layout: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    seed: int
    must_raise: bool = False

    def __str__(self) -> str:
        kind = str(self.dtype).removeprefix("torch.") + self.layout
        return f"{self.way.name}{described(self.args, self.kwargs)} [{kind}, {self.seed}]"

    def disagreement(self) -> Disagreement | None:
        """How minicnn differs from torch here."""
        if self.must_raise:
            found = self._refusals()
        else:
            try:
                found = compare(self._theirs, self._ours, self._is_random() or self._is_open())
            except NoAnswer:  # in place, that is a rule to follow
                found = self._refusals() if self.way.is_in_place else None
        if found:
            found.call = str(self)
        return found

    def _refusals(self) -> Disagreement | None:
        nothing = [False] * len(leaves((self.args, self.kwargs)))
        return both_refuse(
            lambda: run(torch, self.way.theirs, self.args, self.kwargs, nothing, self.seed),
            lambda: run(mc, self.way.ours, self.args, self.kwargs, nothing, self.seed),
        )

    def _theirs(self, form: str) -> Results:
        """Torch's results, with all gradients that it can give."""
        call = functools.partial(run, torch, self.way.theirs, self.args, self.kwargs)
        if self._wanted is None:
            self._wanted, results = self._most_gradients(call)
            if not form:
                return results
        return call(self._wanted, self.seed, form)

    def _most_gradients(self, call: Function) -> tuple[list[bool], Results]:
        tensors = [x for x in leaves((self.args, self.kwargs)) if isinstance(x, torch.Tensor)]
        differentiable = self.info.supports_autograd and self.dtype.is_floating_point
        all_floats = [differentiable and x.is_floating_point() for x in tensors]
        marked = [differentiable and x.requires_grad for x in tensors]
        for wanted in (all_floats, marked):
            results, error = attempt(functools.partial(call, wanted, self.seed))
            if error is None:
                return wanted, results
        nothing = [False] * len(tensors)
        return nothing, call(nothing, self.seed)

    _wanted: list[bool] | None = None

    def _ours(self) -> Results:
        assert self._wanted is not None
        return run(mc, self.way.ours, self.args, self.kwargs, self._wanted, self.seed)

    def _is_random(self) -> bool:
        words = RANDOM if mc.get_default_device().type == "cpu" else RANDOM_ON_A_GPU
        if not any(word in self.info.name for word in words):
            return False
        by_position = next((a for a in self.args[1:] if isinstance(a, float)), 0.5)
        p = self.kwargs.get("p", self.kwargs.get("dropout_p", by_position))
        return p not in (0, 1) and self.kwargs.get("training", True)

    def _is_open(self) -> bool:
        ties = self.info.name in OPEN_TIES and self.args[0].unique().numel() < self.args[0].numel()
        return ties or self.info.name in OPEN_SIGNS


def operations() -> dict[str, tuple[Any, list[Way]]]:
    """The operations that both libraries have, by name, with the ways to call them."""
    found = {}
    for info in op_db:
        name = info.name + (f".{info.variant_test_name}" if info.variant_test_name else "")
        ways = _ways(info)
        if ways:
            found[name] = (info, ways)
    return found


def _ways(info: Any) -> list[Way]:
    found: dict[str, Way] = {}

    def add(name: str, theirs: Any, ours: Any) -> None:
        if callable(theirs) and callable(ours) and name not in found:
            split = info.name == "tensor_split"
            found[name] = Way(name, theirs, functools.partial(_split, ours) if split else ours)

    for name in (info.name, *(alias.name for alias in info.aliases)):
        short = name.removeprefix("nn.functional.")
        for path in dict.fromkeys((name, f"nn.functional.{short}", short)):
            add(path, _at(torch, path), _at(mc, path))
        for method in (short, f"{short}_") if short[-1] != "_" else (short,):
            if hasattr(torch.Tensor, method) and hasattr(mc.Tensor, method):
                call = functools.partial(_call_method, method)
                add(f"Tensor.{method}", call, call)
    for function in (info.operator_variant, info.inplace_operator_variant):
        special = f"__{getattr(function, '__name__', '').strip('_')}__"
        if hasattr(operator, special) and hasattr(mc.Tensor, special):
            call = functools.partial(_operate, function, function is info.operator_variant)
            add(f"Tensor.{special}", call, call)
    return list(found.values())


def _at(library: Any, path: str) -> Any:
    for name in path.split("."):
        library = getattr(library, name, None)
    return library


def _call_method(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    changes = name.endswith("_") and not name.endswith("__")
    return getattr(x.clone() if changes else x, name)(*args, **kwargs)


def _split(function: Function, x: Any, indices: Any, *args: Any) -> Any:
    """``tensor_split``, whose indices are on the CPU wherever ``x`` is."""
    return function(x, indices.cpu() if isinstance(indices, mc.Tensor) else indices, *args)


def _operate(function: Function, is_plain: bool, x: Any, *args: Any) -> Any:
    return function(x if is_plain or not hasattr(x, "clone") else x.clone(), *args)


def two_dtypes(info: Any) -> list[torch.dtype]:
    """One dtype with which all ways and layouts are tried, if there is one, and another one."""
    drawn = random.Random(info.name)
    first = [d for d in IN_ALL_WAYS if _is_supported(info, d)]
    chosen = [drawn.choice(first)] if first else []
    rest = [d for d in DTYPES if d not in chosen and _is_supported(info, d)]
    return [*chosen, *drawn.sample(rest, min(len(rest), 1))]


def cases(
    info: Any, ways: list[Way], whole: bool, dtypes: Iterable[torch.dtype] = DTYPES
) -> Iterator[Case]:
    """The calls of one operation; with its reference inputs, if ``whole``."""
    for dtype in dtypes:
        if not _is_supported(info, dtype):
            continue
        samples = _samples(info.sample_inputs, info, dtype)
        few = samples[:: len(samples) // 200 + 1]  # max_pool2d alone has thousands
        for i, way in enumerate(ways):
            # More ways to call one function need no more than its samples.
            if i and dtype not in IN_ALL_WAYS:
                continue
            more = _samples(info.reference_inputs, info, dtype) if whole and not i else []
            yield from _calls(info, way, dtype, "", [*few, *more])
            if dtype == torch.float32 and not i:
                yield from _calls(info, way, dtype, " with gaps", few)
                yield from _calls(info, way, dtype, " channels last", few)
    if info.error_inputs_func is not None:
        seed_all(0)
        for number, error in enumerate(info.error_inputs("cpu")):
            yield from _fitting(info, ways[0], torch.float32, "", number, error.sample_input, True)


def _is_supported(info: Any, dtype: torch.dtype) -> bool:
    """Whether torch has the operation; of integers, also on the device under test."""
    device = mc.get_default_device().type if dtype in OTHERS else "cpu"
    return dtype in info.supported_dtypes("cpu") and dtype in info.supported_dtypes(device)


def _samples(source: Function, info: Any, dtype: torch.dtype) -> list[Any]:
    """All samples of one dtype; some databases cannot give them with a gradient."""
    for grad in (True, False) if dtype.is_floating_point and info.supports_autograd else (False,):
        seed_all(0)
        found, error = attempt(lambda: list(source("cpu", dtype, requires_grad=grad)))  # noqa: B023
        if error is None:
            return found
    return []


def _calls(
    info: Any, way: Way, dtype: torch.dtype, layout: str, samples: list[Any]
) -> Iterator[Case]:
    for number, sample in enumerate(samples):
        yield from _fitting(info, way, dtype, layout, number, sample)


def _fitting(
    info: Any,
    way: Way,
    dtype: torch.dtype,
    layout: str,
    number: int,
    sample: Any,
    must_raise: bool = False,
) -> Iterator[Case]:
    """The case of a sample, if minicnn has such arguments and it has such a layout."""
    args, kwargs = (sample.input, *sample.args), dict(sample.kwargs)
    if not is_within_scope(args, kwargs):
        return
    if way.is_method and not isinstance(sample.input, torch.Tensor):
        return
    if info.name == "nn.functional.grid_sample" and _ends_torch(sample.input):
        return
    if layout:
        changed = replaced((args, kwargs), _LAYOUTS[layout])
        if all(a is b for a, b in zip(leaves(changed), leaves((args, kwargs)))):
            return
        args, kwargs = changed
    yield Case(info, way, dtype, layout, args, kwargs, number, must_raise)


def _ends_torch(images: torch.Tensor) -> bool:
    """Whether ``grid_sample`` of these images corrupts memory in torch.

    In half precision, its vectorised loops keep positions in a plane in 16 bits.
    """
    return images.dtype in HALVES and images.ndim == 4 and images[0, 0].numel() >= 2**15


def _channels_last(x: Any) -> Any:
    if not isinstance(x, torch.Tensor) or x.ndim != 4 or x.numel() == 0:
        return x
    moved = x.detach().contiguous(memory_format=torch.channels_last)
    return moved.requires_grad_(x.requires_grad)


_LAYOUTS = {" with gaps": with_gaps, " channels last": _channels_last}

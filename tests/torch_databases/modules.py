"""The calls of ModuleInfo: every layer that both libraries have, with torch's weights."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import minicnn as mc

from .call import Arguments, Results, results_of, seed_all
from .judge import Disagreement, NoAnswer, both_refuse, compare
from .values import described, is_within_scope, leaves, numpy_of, our_dtype, ours

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
# Networks of several layers, where each rounds to half precision: the roundings add up.
NETWORKS = ("Transformer", "TransformerDecoder", "TransformerEncoder")


@dataclass
class Case:
    """A layer with its arguments and an input; without an input, its construction must fail."""

    name: str
    made: Any  # the arguments of its constructor, ``args`` and ``kwargs``
    given: Any  # those of its call, or None
    dtype: torch.dtype
    training: bool
    seed: int
    must_raise: bool = False

    def __str__(self) -> str:
        mode = "train" if self.training else "eval"
        call = "" if self.given is None else described(self.given.args, self.given.kwargs)
        made = described(self.made.args, self.made.kwargs)
        return f"nn.{self.name}{made}{call} [{self.dtype}, {mode}, {self.seed}]"

    def disagreement(self) -> Disagreement | None:
        """How minicnn differs from torch here."""
        if self.must_raise:
            found = both_refuse(lambda: self._refused(torch), lambda: self._refused(mc))
        else:
            state: dict[str, Any] = {}
            try:
                found = compare(lambda form: self._theirs(state, form), lambda: self._ours(state))
            except NoAnswer:
                return None
        if found:
            found.call = str(self)
        return found

    def _theirs(self, state: dict[str, Any], form: str) -> Results:
        """Torch's results; its weights go to ``state``."""
        arguments = Arguments(torch, self._wanted(), form)
        module = self._built(torch, arguments)
        if not form:
            state.update(module.state_dict())
            state.update((name, value.clone()) for name, value in state.items())
        return self._called(module, arguments)

    def _ours(self, state: dict[str, Any]) -> Results:
        arguments = Arguments(mc, self._wanted())
        module = self._built(mc, arguments)
        assert list(module.state_dict()) == list(state), "the keys of the state differ"
        module.load_state_dict({name: ours(value) for name, value in state.items()})
        return self._called(module, arguments)

    def _wanted(self) -> list[bool]:
        given = leaves((self.given.args, self.given.kwargs))
        return [x.requires_grad for x in given if isinstance(x, torch.Tensor)]

    def _built(self, library: Any, arguments: Arguments) -> Any:
        args, kwargs = arguments.constants((self.made.args, self.made.kwargs))
        seed_all(0)
        module = getattr(library.nn, self.name)(*args, **kwargs).train(self.training)
        dtype = torch.float64 if arguments.form == "float64" else self.dtype
        return module.to(dtype if library is torch else our_dtype(dtype))

    def _called(self, module: Any, arguments: Arguments) -> Results:
        args, kwargs = arguments.take((self.given.args, self.given.kwargs))
        out = module(*args, **kwargs)
        found = results_of(arguments, out, self.seed, list(module.named_parameters()))
        return found | {f"buffer {name}": numpy_of(x) for name, x in module.named_buffers()}

    def _refused(self, library: Any) -> Any:
        given = () if self.given is None else (self.given.args, self.given.kwargs)
        arguments = Arguments(library, [False] * len(leaves(given)))
        args, kwargs = arguments.constants((self.made.args, self.made.kwargs))
        module = getattr(library.nn, self.name)(*args, **kwargs)
        if self.given is None:
            return module
        args, kwargs = arguments.constants((self.given.args, self.given.kwargs))
        return module(*args, **kwargs)


def modules() -> dict[str, Any]:
    """The database's layers that both libraries have, by name."""
    return {
        info.module_cls.__name__: info
        for info in module_db
        if hasattr(mc.nn, info.module_cls.__name__)
    }


def cases(name: str, info: Any) -> Iterator[Case]:
    """All calls of one layer, in training and evaluation."""
    dtypes = DTYPES[:2] if name.rpartition(".")[2] in NETWORKS else DTYPES
    for dtype, training in itertools.product(dtypes, (True, False)):
        seed_all(0)
        samples = info.module_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=True, training=training
        )
        for number, sample in enumerate(samples):
            made, given = sample.constructor_input, sample.forward_input
            if given is None or not is_within_scope(
                made.args, made.kwargs, given.args, given.kwargs
            ):
                continue
            yield Case(name, made, given, dtype, training, number)
    if info.module_error_inputs_func is None:
        return
    seed_all(0)
    errors = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=True, training=True
    )
    for number, error in enumerate(errors):
        sample = error.module_error_input
        is_called = error.error_on == ModuleErrorEnum.FORWARD_ERROR
        given = sample.forward_input if is_called else None
        yield Case(name, sample.constructor_input, given, torch.float32, True, number, True)

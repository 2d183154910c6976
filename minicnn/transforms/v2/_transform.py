"""Transform: the base class, which finds what to transform in a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, ClassVar

from PIL import Image as pil

from ...graph.structure import leaves, replaced
from ...nn.module import Module
from ...tensor import Tensor
from ...tv_tensors import Image, Video
from ...tv_tensors.base import is_pure_tensor
from .._arguments import check_probability
from .._draws import chance
from ._samples import has_any, is_kind
from .functional._kernels import kernel_of

__all__ = ["RandomTransform", "Transform"]


class Transform(Module):
    """The base of the transforms of samples: pictures with boxes, masks, labels and so on.

    It is called with a sample, which may be nested tuples, lists and dicts, or with its parts as
    several arguments, and returns the same structure. Images, videos, masks, boxes, points and PIL
    images in it are transformed, all with the same random numbers. If there is no image or video
    among them, so is the first plain tensor. All others pass through.

    Subclasses define ``transform``, and ``make_params`` if something is random.

    As ``torchvision.transforms.v2.Transform``.
    """

    # Classes, or functions that tell, of what is given to ``transform``.
    _transformed_types: ClassVar[Sequence[type | Callable[[Any], bool]]] = (Tensor, pil.Image)

    def __init__(self) -> None:
        super().__init__()

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raises an error if a sample cannot be transformed.

        Args:
            flat_inputs: all parts of the sample.
        """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """What is drawn at random, or computed, once for the whole sample.

        Args:
            flat_inputs: the parts of the sample that are transformed.
        """
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> object:
        """Transforms one part of a sample.

        Args:
            inpt: the part.
            params: what ``make_params`` has returned.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define transform")

    def forward(self, *inputs: Any) -> object:
        """The transformed sample, in the structure that it came in."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs = leaves(sample)
        self.check_inputs(flat_inputs)
        return self._transform_sample(sample, flat_inputs)

    def _transform_sample(self, sample: Any, flat_inputs: list[Any]) -> object:
        chosen = self._needs_transform_list(flat_inputs)
        params = self.make_params([x for x, needed in zip(flat_inputs, chosen) if needed])
        results = iter(
            [self.transform(x, params) if needed else x for x, needed in zip(flat_inputs, chosen)]
        )
        return replaced(sample, lambda _: next(results))

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        """Which parts are transformed: of the plain tensors the first one, if there is no image."""
        takes_tensor = not has_any(flat_inputs, Image, Video, pil.Image)
        chosen = []
        for x in flat_inputs:
            needed = any(is_kind(x, kind) for kind in self._transformed_types)
            if needed and is_pure_tensor(x):
                needed, takes_tensor = takes_tensor, False
            chosen.append(needed)
        return chosen

    def _call_kernel(
        self, functional: Callable[..., Any], inpt: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """``functional(inpt, …)``; ``inpt`` itself if it is of a kind that stays as it is."""
        kernel = kernel_of(functional, type(inpt))
        return inpt if kernel is None else kernel(inpt, *args, **kwargs)

    def extra_repr(self) -> str:
        """The attributes that are numbers, strings, enums or sequences."""
        shown = (bool, int, float, str, tuple, list, Enum)
        return ", ".join(
            f"{name}={value}"
            for name, value in vars(self).items()
            if not name.startswith("_") and name != "training" and isinstance(value, shown)
        )


class RandomTransform(Transform):
    """A transform that is applied with probability ``p``.

    Raises:
        ValueError: if ``p`` is not between 0 and 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, *inputs: Any) -> object:
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs = leaves(sample)
        self.check_inputs(flat_inputs)
        return self._transform_sample(sample, flat_inputs) if chance(self.p) else sample

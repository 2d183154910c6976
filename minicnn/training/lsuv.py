"""First weights that fit the data: the outputs of every layer start with variance 1."""

from __future__ import annotations

import math
from typing import Any

from .. import nn
from ..autograd import no_grad
from ..tensor import Tensor

__all__ = ["lsuv_"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
_TRIES = 10  # one does, unless a part of the outputs is fixed
_TOLERANCE = 0.01  # of a standard deviation, which bfloat16 rounds by up to 0.004


@no_grad()
def lsuv_(net: nn.Module, images: Tensor, last: float = 1.0) -> nn.Module:
    """Divides the weights of each convolution and linear layer by its outputs' standard deviation.

    Usual first weights keep the variance if all inputs of a layer vary alike. Pixels do not, and
    max-pooling raises the mean of squares, so in a deep network without batch norm the logits start
    too large, and the layers learn at different speeds. One forward pass, in which each layer is run
    again with its new weights, mends that.

    Args:
        net: with the weights of its layers drawn; it runs in evaluation mode, and then all parts
            return to their modes. A weight that is used twice is fitted at its first use. Frozen
            parameters (``requires_grad=False``) stay as they are, and so do layers whose weights are
            frozen.
        images: what ``net`` takes: a batch, normalised as in training.
        last: the standard deviation of what the last layer that is fitted gives. With 0.1 a
            classifier starts with nearly equal probabilities, and its first steps are small.

    Returns:
        ``net``.

    Raises:
        ValueError: if ``last`` is not a finite number above 0, all outputs of a layer are equal, one
            is not finite, or they do not follow the weights, as with a spectral norm.

    After an error all weights are as before. Transposed convolutions are fitted, too; embeddings and
    attention's input projections are not.

    Mishkin & Matas 2016, "All you need is a good init" (layer-sequential unit variance); without its
    orthonormal matrices.
    """
    if not 0 < last < math.inf:
        raise ValueError(f"last must be a finite number above 0, got {last}")
    fitting = _Fitting()
    modes = {module: module.training for module in net.modules()}
    layers = [module for module in modes if isinstance(module, _LAYERS)]
    hooks = [layer.register_forward_hook(fitting.fit, with_kwargs=True) for layer in layers]
    try:
        net.eval()(images)
        for parameter in fitting.latest:
            parameter.mul_(last)
    except BaseException:
        fitting.undo()
        raise
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return net


class _Fitting:
    """The layers that are fitted so far.

    Attributes:
        latest: the parameters that were changed in the latest one.
    """

    def __init__(self) -> None:
        self.latest: list[nn.Parameter] = []
        self._before: dict[nn.Parameter, Tensor] = {}

    def fit(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> Tensor | None:
        """A forward hook: changes a layer's parameters and returns its new output."""
        own = [p for p in layer.parameters() if p.requires_grad and p not in self._before]
        if all(parameter.ndim < 2 for parameter in own):  # no weight that may be changed
            return None
        self.latest = own
        self._before.update((parameter, parameter.clone()) for parameter in own)
        for _ in range(_TRIES):
            deviation = float(output.std())
            if not 0 < deviation < math.inf:
                raise ValueError(
                    "the outputs of a layer must be finite and differ, got a standard deviation of "
                    f"{deviation} after {layer}"
                )
            for parameter in own:
                parameter.div_(deviation)
            output = layer(*args, **kwargs)
            if abs(float(output.std()) - 1) < _TOLERANCE:
                return output
        raise ValueError(
            "the outputs of a layer must follow its weights, got a standard deviation of "
            f"{float(output.std())} after they were divided by it {_TRIES} times, from {layer}"
        )

    def undo(self) -> None:
        """Gives all parameters their old numbers."""
        for parameter, numbers in self._before.items():
            parameter.copy_(numbers)

"""First weights that fit the data: the outputs of every layer start with variance 1."""

from __future__ import annotations

from .. import nn
from ..autograd import no_grad
from ..tensor import Tensor

__all__ = ["lsuv_"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)


def lsuv_(net: nn.Module, images: Tensor, last: float = 1.0) -> nn.Module:
    """Divides the weights of each convolution and linear layer by its outputs' standard deviation.

    Usual first weights keep the variance if all inputs of a layer vary alike. Pixels do not, and
    max-pooling raises the mean of squares, so in a deep network without batch norm the logits start
    too large, and the layers learn at different speeds. One forward pass mends that, layer by layer.

    Args:
        net: with the weights of its layers drawn; it runs in evaluation mode, and then all parts
            return to their modes. A weight that is used twice is fitted at its first use.
        images: what ``net`` takes: a batch, normalised as in training.
        last: the standard deviation of what the last layer that is fitted gives. With 0.1 a
            classifier starts with nearly equal probabilities, and its first steps are small.

    Returns:
        ``net``.

    Raises:
        ValueError: if all outputs of a layer are equal, or one is not finite.

    Mishkin & Matas 2016, "All you need is a good init" (layer-sequential unit variance); without its
    orthonormal matrices, and in one pass, because a layer's outputs are proportional to its weights.
    """
    fitted: list[nn.Module] = []
    parameters_of_fitted: set[int] = set()

    def fit(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        parameters = {id(parameter) for parameter in layer.parameters()}
        if parameters & parameters_of_fitted:
            return None
        fitted.append(layer)
        parameters_of_fitted.update(parameters)
        deviation = float(output.std())
        if not 0 < deviation < float("inf"):
            raise ValueError(
                "the outputs of a layer must be finite and differ, got a standard deviation of "
                f"{deviation} after {layer}"
            )
        for parameter in layer.parameters():
            parameter.div_(deviation)
        return output / deviation

    modes = {module: module.training for module in net.modules()}
    hooks = [m.register_forward_hook(fit) for m in modes if isinstance(m, _LAYERS)]
    try:
        with no_grad():
            net.eval()(images)
            for parameter in fitted[-1].parameters() if fitted else ():
                parameter.mul_(last)
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return net

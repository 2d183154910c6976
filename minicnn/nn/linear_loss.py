"""Losses with a linear layer in them, for many classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..creation import zeros
from ..ops.index import gather, getitem
from ..ops.shape import cat, unsqueeze
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .containers import ModuleList, Sequential
from .linear import Linear
from .loss import WeightedLoss
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss"]


class LinearCrossEntropyLoss(WeightedLoss):
    """A linear layer, and the cross-entropy of its result.

    Args:
        in_features: D of inputs (N, D).
        num_classes: C.
        out_features: sizes (d1, …) of targets (N, d1, …).
        bias: whether the linear layer has one.
        weight, reduction, ignore_index, label_smoothing: as in :class:`CrossEntropyLoss`.
        options: accepted without effect. In torch, they save memory and change no result.

    As ``torch.nn.LinearCrossEntropyLoss``.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        if weight is not None and weight.shape != (num_classes,):
            raise RuntimeError(
                f"LinearCrossEntropyLoss expects a weight ({num_classes},), "
                f"got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"label_smoothing must be between 0 and 1, got {label_smoothing}")
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        outputs = num_classes * math.prod(out_features)
        self.linear = Linear(in_features, outputs, bias, device, dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


class LossOfTargets(NamedTuple):
    """What :class:`AdaptiveLogSoftmaxWithLoss` returns."""

    output: Tensor  # (N,), the log-probability of each target
    loss: Tensor  # minus their mean


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax over very many classes, of which the rare ones are in clusters (Grave et al., 2017).

    A head decides between the frequent classes and the clusters; a cluster's own small layers
    decide between its classes.

    Args:
        in_features: D of inputs (N, D).
        n_classes: how many classes, the most frequent ones first.
        cutoffs: where the clusters begin, in ascending order.
        div_value: each cluster's hidden layer has so many times fewer features than the one before.
        head_bias: whether the head has a bias.

    As ``torch.nn.AdaptiveLogSoftmaxWithLoss``.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        ascending = all(a < b and int(b) == b for a, b in zip([0, *cutoffs], cutoffs))
        if not cutoffs or not ascending or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                f"cutoffs must be ascending integers between 1 and {n_classes - 1}, got {cutoffs}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (first, end) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            hidden = int(in_features // div_value ** (i + 1))
            project = Linear(in_features, hidden, False, device, dtype)
            self.tail.append(Sequential(project, Linear(hidden, end - first, False, device, dtype)))

    def reset_parameters(self) -> None:
        """Draw new weights."""
        self.head.reset_parameters()
        for layer in self.tail.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> LossOfTargets:
        if target_.ndim > 1 or input_.ndim != target_.ndim + 1:
            raise RuntimeError(
                "AdaptiveLogSoftmaxWithLoss expects inputs (N, D) with targets (N,), or (D,) with "
                f"(), got shapes {tuple(input_.shape)} and {tuple(target_.shape)}"
            )
        if target_.ndim == 0:
            output, loss = self.forward(unsqueeze(input_, 0), unsqueeze(target_, 0))
            return LossOfTargets(output[0], loss)
        if len(input_) != len(target_):
            raise RuntimeError(
                f"input and target must have one batch size, got {len(input_)} and {len(target_)}"
            )
        if ((target_ < 0) | (target_ >= self.n_classes)).any():
            raise RuntimeError(
                f"targets must be in [0, {self.n_classes - 1}], got {target_.tolist()}"
            )
        output = self._log_prob_of_targets(input_, target_)
        return LossOfTargets(output, -output.mean())

    def _log_prob_of_targets(self, input: Tensor, target: Tensor) -> Tensor:
        """The head's log-probability, plus the cluster's own where the target is in one: (N,)."""
        in_head, within = target.clone(), zeros(len(target), dtype=input.dtype, device=input.device)
        for i, (first, end) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            (rows,) = ((target >= first) & (target < end)).nonzero(as_tuple=True)
            if not len(rows):
                continue
            in_head[rows] = self.shortlist_size + i
            log_prob = F.log_softmax(self.tail[i](getitem(input, rows)), 1)
            own = unsqueeze(getitem(target, rows) - first, 1)
            within[rows] = gather(log_prob, 1, own)[:, 0]
        head = F.log_softmax(self.head(input), 1)
        return gather(head, 1, unsqueeze(in_head, 1))[:, 0] + within

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, D) to (N, n_classes)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            own = head[:, self.shortlist_size + i]
            parts.append(F.log_softmax(cluster(input), 1) + unsqueeze(own, 1))
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most likely class of each sample: (N, D) to (N,).

        As in torch, a class of the head is taken if it is the head's first choice.
        """
        first_choice = self.head(input).argmax(1)
        in_cluster = first_choice >= self.shortlist_size
        if in_cluster.any():
            first_choice[in_cluster] = self.log_prob(input[in_cluster]).argmax(1)
        return first_choice

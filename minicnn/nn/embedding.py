"""Embedding layers: a table of learnt vectors, picked by index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd import no_grad
from ..tensor import Tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from . import init
from .integers import check_integers
from .module import Module
from .parameter import Parameter, empty_parameter

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """What both layers have: the table and the options of its gradient."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Tensor | None,
        device: DeviceLike | None,
        dtype: DTypeLike | None,
    ) -> None:
        check_integers(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < max(num_embeddings, 1):
                raise AssertionError(
                    f"padding_idx must be within the {num_embeddings} embeddings, got {padding_idx}"
                )
            padding_idx += num_embeddings * (padding_idx < 0)
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if weight is None:
            self.weight = empty_parameter((num_embeddings, embedding_dim), dtype, device)
            self.reset_parameters()
        else:
            if weight.shape != (num_embeddings, embedding_dim):
                raise AssertionError(
                    f"the weight must have the shape ({num_embeddings}, {embedding_dim}), "
                    f"got {tuple(weight.shape)}"
                )
            self.weight = Parameter(weight)

    def reset_parameters(self) -> None:
        """Draw new vectors from N(0, 1); the padding's is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def _options(self, **further: object) -> str:
        """Those that are set, for ``repr``."""
        options = {
            "max_norm": self.max_norm,
            "norm_type": self.norm_type if self.norm_type != 2 else None,
            "scale_grad_by_freq": self.scale_grad_by_freq or None,
        }
        return "".join(f", {k}={v!r}" for k, v in (options | further).items() if v is not None)


class Embedding(_Table):
    """A table of ``num_embeddings`` vectors, picked by numbers: (*) to (*, embedding_dim).

    Args:
        num_embeddings: size of the table.
        embedding_dim: length of each vector.
        padding_idx: the number of a vector that starts from 0 and is not trained.
        max_norm: vectors that are picked are first, in place, shortened to this norm.
        norm_type: order of that norm.
        scale_grad_by_freq: divide each vector's gradient by how often it was picked.
        sparse: accepted without effect: gradients here are dense, and have the same numbers.

    The weight (num_embeddings, embedding_dim) starts from N(0, 1). As ``torch.nn.Embedding``.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            device,
            dtype,
        )
        self.weight.requires_grad = not _freeze

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer with the vectors given in ``embeddings``, which are not trained if ``freeze``."""
        return cls(
            *_sizes(embeddings),
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            embeddings,
            freeze,
        )

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        options = self._options(sparse=self.sparse or None)
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{options}"


class EmbeddingBag(_Table):
    """The mean, sum or maximum of several vectors of a table for each bag of numbers.

    Args:
        num_embeddings: size of the table.
        embedding_dim: length of each vector.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for :class:`Embedding`.
        mode: ``"mean"``, ``"sum"`` or ``"max"``.
        include_last_offset: whether the offsets end with the end of the last bag.
        padding_idx: the number of a vector that is left out of the bags.

    As ``torch.nn.EmbeddingBag``.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            device,
            dtype,
        )
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer with the vectors given in ``embeddings``, which are not trained if ``freeze``."""
        layer = cls(
            *_sizes(embeddings),
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        layer.weight.requires_grad = not freeze
        return layer

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        options = self._options(mode=self.mode, padding_idx=self.padding_idx)
        return f"{self.num_embeddings}, {self.embedding_dim}{options}"


def _sizes(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise AssertionError(f"embeddings must be a matrix, got shape {tuple(embeddings.shape)}")
    rows, columns = embeddings.shape
    return rows, columns

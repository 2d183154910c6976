"""Attention: means of values, weighted by how well their keys match a query (Vaswani et al., 2017)."""

from __future__ import annotations

import math

from ..creation import arange, full_like, zeros_like
from ..dtypes import bool_
from ..no_tensor import takes_tensors
from ..tensor import Tensor
from .choice import masked_fill, where
from .comparison import eq, ge, logical_not
from .dropout import dropout
from .edge import in_half
from .elementwise import add, mul
from .linear import linear, matmul
from .pad import pad
from .promotion import widen
from .reduce import all as all_true
from .reduce import mean
from .shape import cat, expand, permute, reshape, squeeze, transpose, unbind, unsqueeze
from .softmax import softmax
from .transfer import to


@in_half
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key.T * scale + mask) @ value.

    Args:
        query: (*, L, E).
        key: (*, S, E).
        value: (*, S, V).
        attn_mask: broadcasts to (*, L, S); bool, true where a query may look at a key, or numbers
            that are added to the scores.
        dropout_p: probability that a weight is dropped; 0 in evaluation.
        is_causal: whether query i looks at the keys up to i only, instead of a mask.
        scale: 1 / sqrt(E) when left out.
        enable_gqa: whether several heads of the query share a head of key and value.

    Returns:
        (*, L, V). A query that may look at no key gets zeros.

    Raises:
        RuntimeError: for shapes or dtypes that do not fit, or a mask beside ``is_causal``.

    As ``torch.nn.functional.scaled_dot_product_attention``.
    """
    _check_attention(query, key, value)
    if is_causal and attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention takes attn_mask or is_causal, got both")
    dtype = query.dtype
    if enable_gqa:
        key, value = (_repeated_heads(query, x) for x in (key, value))
    query, key, value = widen(query, key, value)
    if is_causal:
        attn_mask = _causal(query, key)
    if attn_mask is not None:
        attn_mask = _added(attn_mask, query)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = _weights(mul(query, scale), key, attn_mask, True)
    return to(matmul(dropout(weights, dropout_p, dropout_p > 0), value), dtype)


def _check_attention(query: Tensor, key: Tensor, value: Tensor) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if min(map(len, shapes)) < 2:
        raise RuntimeError(f"attention expects at least 2 dimensions, got shapes {shapes}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"attention expects query (*, L, E), key (*, S, E) and value (*, S, V), got {shapes}"
        )
    dtypes = [x.array.dtype.name for x in (query, key, value)]
    if len(set(dtypes)) > 1:
        raise RuntimeError(f"attention expects tensors of one dtype, got {', '.join(dtypes)}")


def _repeated_heads(query: Tensor, x: Tensor) -> Tensor:
    """x (*, heads, S, E) with as many heads as the query, each repeated."""
    heads, wanted = x.shape[-3], query.shape[-3]
    if wanted % heads:
        raise RuntimeError(f"attention: {heads} heads must divide those of the query, {wanted}")
    repeated = (*x.shape[:-2], wanted // heads, *x.shape[-2:])
    return reshape(expand(unsqueeze(x, -3), repeated), (*x.shape[:-3], wanted, *x.shape[-2:]))


def _causal(query: Tensor, key: Tensor) -> Tensor:
    """(L, S), true where query i may look at key j <= i."""
    rows, columns = (arange(x.shape[-2], device=x.device) for x in (query, key))
    return ge(unsqueeze(rows, 1), columns)


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """The numbers to add to scores: 0 where a bool mask is true, else -inf."""
    if mask.dtype != bool_:
        return to(mask, like.dtype)
    nothing = to(zeros_like(mask), like.dtype)
    return where(mask, nothing, full_like(nothing, -math.inf))


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, zero_if_hidden: bool) -> Tensor:
    """(*, L, S): the softmax of query @ key.T + mask.

    Where a row of the mask hides all keys the softmax is NaN, or with ``zero_if_hidden`` 0.
    """
    scores = matmul(query, transpose(key, -1, -2))
    if mask is None:
        return softmax(scores, -1)
    scores = add(scores, mask)
    if not zero_if_hidden:
        return softmax(scores, -1)
    hidden = all_true(eq(mask, -math.inf), -1, keepdim=True)
    return masked_fill(softmax(masked_fill(scores, hidden, 0.0), -1), hidden, 0.0)


# ---------------------------------------------------------------------- several heads


@takes_tensors
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention in several heads, each with its own projections.

    Args:
        query: (L, N, E), or (L, E) without a batch.
        key, value: (S, N, K) and (S, N, V), or without N.
        embed_dim_to_check: E.
        num_heads: H, a divisor of E.
        in_proj_weight: (3 E, E), the projections of query, key and value, one below the other.
        in_proj_bias: (3 E,) or None.
        bias_k, bias_v: (1, 1, E), one more key and value, or None.
        add_zero_attn: whether to add a key and a value of zeros.
        dropout_p: probability that a weight is dropped, in ``training``.
        out_proj_weight, out_proj_bias: (E, E), and (E,) or None.
        key_padding_mask: (N, S), true where a key is hidden, or numbers to add to the scores.
        need_weights: whether to return the weights, too.
        attn_mask: (L, S) or (N * H, L, S), likewise.
        use_separate_proj_weight: use ``q_proj_weight`` (E, E), ``k_proj_weight`` (E, K) and
            ``v_proj_weight`` (E, V) instead of ``in_proj_weight``.
        static_k, static_v: (N * H, S, E / H), used instead of the projected keys and values.
        average_attn_weights: whether to return the mean of the heads' weights.
        is_causal: a hint that ``attn_mask``, which must be given, is causal.

    Returns:
        (L, N, E), and None or the weights (N, L, S), without average (N, H, L, S).

    Raises:
        RuntimeError, AssertionError: for shapes that do not fit.

    As ``torch.nn.functional.multi_head_attention_forward``. Bool masks mean the opposite of those of
    :func:`scaled_dot_product_attention`.
    """
    _check_heads(query, key, value, embed_dim_to_check, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("is_causal is a hint about attn_mask, which must be given, got None")
    batched = query.ndim == 3
    # batch first; self-attention stays one tensor, which has one projection
    key_is_query, value_is_key = key is query, value is key
    query = transpose(query, 0, 1) if batched else unsqueeze(query, 0)
    key = query if key_is_query else transpose(key, 0, 1) if batched else unsqueeze(key, 0)
    value = key if value_is_key else transpose(value, 0, 1) if batched else unsqueeze(value, 0)
    if key_padding_mask is not None and not batched:
        key_padding_mask = unsqueeze(key_padding_mask, 0)
    N, L, E = query.shape
    mask = _merged_mask(query, key, num_heads, attn_mask, key_padding_mask)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projections(query, key, value, weights, in_proj_weight, in_proj_bias)
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, expand(b, (N, 1, E))], 1) for x, b in ((k, bias_k), (v, bias_v)))
        mask = None if mask is None else pad(mask, (0, 1))
    heads = (num_heads, E // num_heads)
    parts = (reshape(x, (N, x.shape[1], *heads)) for x in (q, k, v))
    q, k, v = (transpose(part, 1, 2) for part in parts)  # (N, H, L, E / H)
    if static_k is not None:
        k = _static(static_k, k)
    if static_v is not None:
        v = _static(static_v, v)
    if add_zero_attn:
        k, v = (pad(x, (0, 0, 0, 1)) for x in (k, v))
        mask = None if mask is None else pad(mask, (0, 1))
    dropout_p = dropout_p if training else 0.0
    found: Tensor | None = None
    if need_weights:
        found = _weights(mul(q, math.sqrt(1 / q.shape[-1])), k, mask, False)
        found = dropout(found, dropout_p, dropout_p > 0)
        out = matmul(found, v)
        found = mean(found, 1) if average_attn_weights else found
        found = found if batched else squeeze(found, 0)
    else:
        out = scaled_dot_product_attention(q, k, v, mask, dropout_p)
    # in memory L, N, E as in torch, whose dropout draws in this order
    out = reshape(permute(out, (2, 0, 1, 3)), (L, N, E))
    out = linear(out, out_proj_weight, out_proj_bias)
    return (out if batched else squeeze(out, 1)), found


def _check_heads(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_heads: int) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    if query.ndim not in (2, 3) or key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(
            f"attention expects query, key and value of 2 or 3 dimensions, got shapes {shapes}"
        )
    if query.shape[-1] != embed_dim or embed_dim % num_heads:
        raise AssertionError(
            f"attention expects a query of {embed_dim} numbers for {num_heads} heads, "
            f"which must divide it, got {shapes[0]}"
        )
    if key.shape[:-1] != value.shape[:-1]:
        raise AssertionError(f"attention expects as many keys as values, got shapes {shapes}")


def _projections(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    separate: tuple[Tensor | None, ...] | None,
    weight: Tensor | None,
    bias: Tensor | None,
) -> tuple[Tensor, ...]:
    """Query, key and value (N, L, E) after their linear layers."""
    E = query.shape[-1]
    if separate is None and key is query and value is key and weight is not None:
        packed = linear(query, weight, bias)
        return tuple(unbind(reshape(packed, (*packed.shape[:2], 3, E)), 2))
    if separate is None:
        separate = (None, None, None) if weight is None else weight.split(E)
    biases = (None, None, None) if bias is None else bias.split(E)
    out = []
    for x, own_weight, own_bias in zip((query, key, value), separate, biases):
        if own_weight is None:
            raise AssertionError("attention expects a weight for each projection, got None")
        out.append(linear(x, own_weight, own_bias))
    return tuple(out)


def _static(x: Tensor, like: Tensor) -> Tensor:
    """Given keys or values (N * H, S, E / H) as (N, H, S, E / H)."""
    N, H, _, D = like.shape
    if x.ndim != 3 or x.shape[0] != N * H or x.shape[2] != D:
        raise AssertionError(
            f"attention expects static keys and values of shape ({N * H}, S, {D}), "
            f"got {tuple(x.shape)}"
        )
    return reshape(x, (N, H, x.shape[1], D))


def _merged_mask(
    query: Tensor,
    key: Tensor,
    num_heads: int,
    attn_mask: Tensor | None,
    key_padding_mask: Tensor | None,
) -> Tensor | None:
    """The numbers to add to the scores (N, H, L, S), in a shape that broadcasts."""
    N, L, S = query.shape[0], query.shape[1], key.shape[1]
    merged = None
    if attn_mask is not None:
        if attn_mask.shape not in ((L, S), (N * num_heads, L, S)):
            raise RuntimeError(
                f"attn_mask must have the shape {(L, S)} or {(N * num_heads, L, S)}, "
                f"got {tuple(attn_mask.shape)}"
            )
        batches = (1, 1) if attn_mask.ndim == 2 else (N, num_heads)
        merged = reshape(_hiding(attn_mask, query), (*batches, L, S))
    if key_padding_mask is not None:
        if key_padding_mask.shape != (N, S):
            raise AssertionError(
                f"key_padding_mask must have the shape {(N, S)}, got {tuple(key_padding_mask.shape)}"
            )
        padding = reshape(_hiding(key_padding_mask, query), (N, 1, 1, S))
        merged = padding if merged is None else add(merged, padding)
    return merged


def _hiding(mask: Tensor, like: Tensor) -> Tensor:
    """The numbers to add to scores: -inf where a bool mask is true."""
    if mask.dtype != bool_ and not mask.is_floating_point():
        raise AssertionError(f"a mask must be bool or floating point, got {mask.array.dtype}")
    return _added(logical_not(mask) if mask.dtype == bool_ else mask, like)

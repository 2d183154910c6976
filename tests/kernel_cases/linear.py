"""Linear layers and matrix products."""

from __future__ import annotations

from typing import Any

from .arrays import FEATURES, FLOAT32, FLOAT64, Cases, O, float32, normal, tabled

LINEARS = [(3, 10, 40), (35, 33, 6), (0, 2, 3)]  # M, N, K: more and less than a tile of a GPU


def linear_cases(M: int, N: int, K: int) -> dict[str, tuple[Any, ...]]:
    x, weight, grad = normal(M, K), normal(N, K), normal(M, N)
    return {
        "linear": (x, weight, normal(N)),
        "linear_input_grad": (grad, weight),
        "linear_weight_grad": (grad, x),
    }


CASES: Cases = {
    **tabled({str(row): row for row in LINEARS}, linear_cases),
    "linear": ("linear", (FEATURES, normal(O, 7), normal(O))),
    "linear, no bias": ("linear", (FEATURES, normal(O, 7), None)),
    "linear, float32 bias": ("linear", (FEATURES, normal(O, 7), float32(normal(O)))),
    "linear, no rows": ("linear", (FEATURES[:0], normal(O, 7), normal(O))),
    "linear_input_grad": ("linear_input_grad", (normal(5, O), normal(O, 7))),
    "linear_weight_grad": ("linear_weight_grad", (normal(5, O), FEATURES)),
    "linear_weight_grad, float32": ("linear_weight_grad", (normal(5, O), FEATURES, FLOAT32)),
    "linear_weight_grad, dtype": ("linear_weight_grad", (normal(5, O), FEATURES, FLOAT64)),
    "matrix_product": ("matrix_product", (FEATURES, normal(7, O))),
    "matrix_product, batches": ("matrix_product", (normal(1, 5, 7), normal(3, 7, 4))),
    "matrix_product, many batches": (
        "matrix_product",
        (normal(1, 2, 6, 40, 60), normal(6, 60, 40)),
    ),
    "matrix_product, one large batch": ("matrix_product", (normal(1, 120, 90), normal(1, 90, 100))),
    "matrix_product, rows": ("matrix_product", (normal(3, 50, 80), normal(80, 90))),
    "linear, no features": ("linear", (FEATURES[:, :0], normal(O, 0), normal(O))),
    "linear, no outputs": ("linear", (FEATURES, normal(0, 7), normal(0))),
    "linear_input_grad, no outputs": ("linear_input_grad", (normal(5, 0), normal(0, 7))),
    "linear_input_grad, no features": ("linear_input_grad", (normal(5, O), normal(O, 0))),
    "linear_weight_grad, no outputs": ("linear_weight_grad", (normal(5, 0), FEATURES)),
    "linear_weight_grad, no features": ("linear_weight_grad", (normal(5, O), FEATURES[:, :0])),
    "linear_weight_grad, no rows": ("linear_weight_grad", (normal(0, O), FEATURES[:0])),
}

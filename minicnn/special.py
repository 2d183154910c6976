"""Special functions, under the names of ``torch.special``."""

from __future__ import annotations

from .ops.elementwise import expm1, log1p
from .ops.exponential import exp2, logit, xlog1py, xlogy
from .ops.functions import erf, round
from .ops.functions import sigmoid as expit
from .ops.reduce import logsumexp
from .ops.softmax import log_softmax, softmax
from .ops.special import (
    digamma,
    entr,
    erfc,
    erfinv,
    i0,
    i0e,
    i1,
    i1e,
    ndtr,
    polygamma,
    zeta,
)
from .ops.special import digamma as psi
from .ops.special import lgamma as gammaln
from .ops.special import mvlgamma as multigammaln
from .ops.trigonometry import sinc

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]

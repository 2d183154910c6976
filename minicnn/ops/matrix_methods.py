"""Methods of ``Tensor`` for vectors and matrices."""

from __future__ import annotations

from . import old_linalg, products, systems
from .in_place import in_place


class MatrixMethods:
    """The methods in this file; each entry is a function of the ``ops`` modules."""

    dot, vdot, inner, mv = products.dot, products.vdot, products.inner, products.mv
    outer, ger, kron, cross = products.outer, products.ger, products.kron, products.cross
    addmv, addr = products.addmv, products.addr
    addbmm, baddbmm = products.addbmm, products.baddbmm
    addmv_, addr_, addbmm_, baddbmm_ = map(in_place, (addmv, addr, addbmm, baddbmm))
    matrix_power, matrix_exp = products.matrix_power, systems.matrix_exp

    inverse, pinverse, det = old_linalg.inverse, old_linalg.pinverse, systems.det
    slogdet, logdet = systems.slogdet, systems.logdet
    svd, qr, cholesky = old_linalg.svd, old_linalg.qr, old_linalg.cholesky
    cholesky_solve, cholesky_inverse = systems.cholesky_solve, systems.cholesky_inverse

"""Typical bugs, put into the kernels on purpose: the emulated GPU must notice each of them.

Each file has those of one kernel, and the computations that run it. A computation returns whether
its result equals the plain kernels' in float64.
"""

from . import conv, conv_depthwise, dropout, loss, matmul, norm, optim, pool, resize, warpgroup

BUGS = [
    *conv.BUGS,
    *warpgroup.BUGS,
    *conv_depthwise.BUGS,
    *matmul.BUGS,
    *norm.BUGS,
    *loss.BUGS,
    *pool.BUGS,
    *dropout.BUGS,
    *resize.BUGS,
    *optim.BUGS,
]

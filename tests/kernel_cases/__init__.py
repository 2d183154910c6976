"""Arguments for every kernel of the contract: the table that all sets of kernels are tested with.

They are float64, apart from those that are float32, integers or numbers whatever the images are.
An array that is there twice is one array for the kernel, too.
"""

from . import (
    activation,
    conv,
    dropout,
    grad_scaler,
    images,
    linear,
    loss,
    nms,
    norm,
    optim,
    pool,
    resize,
    roi,
)
from .arrays import Cases

CASES: Cases = {
    **conv.CASES,
    **pool.CASES,
    **resize.CASES,
    **norm.CASES,
    **linear.CASES,
    **activation.CASES,
    **dropout.CASES,
    **loss.CASES,
    **images.CASES,
    **roi.CASES,
    **nms.CASES,
    **optim.CASES,
    **grad_scaler.CASES,
}

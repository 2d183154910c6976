"""Writing networks in ONNX's format, for programs that run without minicnn.

::

    mc.onnx.export(net, images, "net.onnx")

export.py records the network as graph/ does, once for the example and once for another length of each
axis that the model leaves open (axes.py). What is equal in both recordings is written as it stands, and
lengths that differ are computed by the model (varying.py, model.py). write.py goes through the
operations; each is written by a small function of the file in operations/ that has its subject. Nodes
are named after the module they ran in, weights have their names in ``state_dict``.
"""

from .errors import OnnxExporterError
from .export import TrainingMode, export, is_in_onnx_export
from .program import ONNXProgram
from .registry import exporter
from .write import supported

__all__ = [
    "ONNXProgram",
    "OnnxExporterError",
    "TrainingMode",
    "export",
    "exporter",
    "is_in_onnx_export",
    "supported",
]

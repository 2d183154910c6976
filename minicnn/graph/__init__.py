"""A network's operations as a graph, recorded from a call.

::

    graph = minicnn.graph.record(net.eval(), images)
    print(graph)

graph.py says what a graph is, and recorder.py records it, with one of several images (one_image.py).
reads.py and constants.py notice what cannot be recorded.
``minicnn.compile`` makes its plans from such graphs.
"""

from .graph import Graph, Node, Value
from .recorder import CannotRecord, record

__all__ = ["CannotRecord", "Graph", "Node", "Value", "record"]

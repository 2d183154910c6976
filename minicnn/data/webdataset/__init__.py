"""Pictures in tar shards, in the form and with the methods of the library ``webdataset``.

Source: https://github.com/webdataset/webdataset.
"""

from .dataset import WebDataset
from .reading import BrokenSample
from .writer import ShardWriter

__all__ = ["BrokenSample", "ShardWriter", "WebDataset"]

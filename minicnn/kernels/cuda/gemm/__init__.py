"""Tiled matrix products, which convolution and linear layers share.

``gemm.cuh`` is the product tile by tile, ``readers.cuh`` brings the operands, ``tiles.py`` chooses the
tile. ``mma.cuh`` has the instructions for tensor cores since Ampere; ``wgmma.cuh`` has Hopper's, and
``warpgroup.cuh`` the tiles that use them.
"""

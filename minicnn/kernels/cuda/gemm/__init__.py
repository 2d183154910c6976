"""Tiled matrix products, which convolution and linear layers share."""

"""The operations: each with its forward and backward pass, written once for both devices."""

"""What scripts that import ``torch.onnx`` may ask; minicnn does not write ONNX files."""

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """False."""
    return False

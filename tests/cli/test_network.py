"""What the command line knows of networks by name."""

from __future__ import annotations

from minicnn.cli.network import _of_model, input_size
from minicnn.models._api import PUBLISHED


def test_pictures_are_prepared_as_for_the_published_weights() -> None:
    for name, weights in PUBLISHED.items():
        for entry in weights:
            found = _of_model(name, str(entry)).preset()
            assert repr(found) == repr(entry.transforms()), entry
    assert input_size(_of_model("efficientnet_b3", None)) == (3, 300, 300)

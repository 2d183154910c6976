from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minicnn as mc
from minicnn import viz

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 4, 6), np.uint8)
HEAT = np.linspace(-0.5, 1.5, 24).reshape(4, 6)
HOT, MIDDLE = np.array([220, 40, 40]) / 255, np.array([90, 200, 110]) / 255


def overlay(image: np.ndarray, heat: Any = HEAT, alpha: float = 0.5) -> np.ndarray:
    result = viz.overlay_heat_map(mc.tensor(image), mc.tensor(heat), alpha)
    assert result.shape == (3, *image.shape[1:]) and result.dtype == mc.tensor(image).dtype
    return result.cpu().numpy()


def test_cold_places_show_the_picture_and_hot_ones_the_colour() -> None:
    picture = BYTES / 255
    mixed = overlay(picture)
    np.testing.assert_array_equal(mixed[:, HEAT <= 0], picture[:, HEAT <= 0])
    hot = HEAT >= 1
    np.testing.assert_allclose(mixed[:, hot], 0.5 * picture[:, hot] + 0.5 * HOT[:, None])
    half = overlay(picture, np.full((4, 6), 0.5), alpha=0.4)
    np.testing.assert_allclose(half, 0.6 * picture + 0.4 * MIDDLE[:, None, None])
    quarter = overlay(picture * 0, np.full((4, 6), 0.25), alpha=1.0)  # half of the opacity
    np.testing.assert_allclose(quarter[:, 0, 0], 0.5 * np.array([40, 150, 220]) / 255)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bytes_and_floats_give_the_same_picture(dtype: Any) -> None:
    expected = overlay(BYTES / 255)
    assert np.abs(overlay(BYTES) / 255 - expected).max() <= 0.5 / 255 + 1e-9
    np.testing.assert_allclose(overlay((BYTES / 255).astype(dtype)), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(overlay(BYTES, alpha=0.0), BYTES)


def test_grey_pictures() -> None:
    grey = BYTES[:1]
    np.testing.assert_array_equal(overlay(grey), overlay(np.repeat(grey, 3, 0)))


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"the image's size \(4, 6\), got \(6, 4\)"):
        overlay(BYTES, HEAT.T)
    with pytest.raises(ValueError, match=r"must be one image \(1 or 3, H, W\) of uint8 or floats"):
        overlay(BYTES[:2])
    with pytest.raises(TypeError, match="image must be a tensor"):
        viz.overlay_heat_map(BYTES, mc.tensor(HEAT))  # type: ignore[arg-type]

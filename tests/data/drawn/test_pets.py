from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minicnn.data import DogsVsCats
from minicnn.data.drawn import draw_dogs_vs_cats, draw_pet

pytestmark = pytest.mark.cpu_only


def pixels(species: str, *seed: int) -> np.ndarray:
    return np.asarray(draw_pet(species, np.random.default_rng(seed)))


def test_a_seed_draws_the_same_picture_and_another_seed_another():
    assert np.array_equal(pixels("cat", 0, 1), pixels("cat", 0, 1))
    assert not np.array_equal(pixels("cat", 0, 1)[:180, :180], pixels("cat", 0, 2)[:180, :180])


@pytest.mark.parametrize("species", ["cat", "dog"])
def test_pictures_are_rgb_of_varied_size(species):
    pictures = [draw_pet(species, np.random.default_rng(seed)) for seed in range(12)]
    assert all(picture.mode == "RGB" for picture in pictures)
    assert all(180 <= side <= 240 for picture in pictures for side in picture.size)
    assert len({picture.size for picture in pictures}) > 6


def test_an_unknown_animal_is_refused():
    with pytest.raises(ValueError, match="must be 'cat' or 'dog', got 'cow'"):
        draw_pet("cow", np.random.default_rng(0))


def test_the_folder_is_read_as_dogs_vs_cats(tmp_path):
    folder = draw_dogs_vs_cats(tmp_path / "drawn", per_class=3, test=2, seed=5)
    train = DogsVsCats(folder)
    assert train.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(path.name for path in (folder / "train").iterdir()) == [
        f"{species}.{number}.jpg" for species in ("cat", "dog") for number in range(3)
    ]
    assert DogsVsCats(folder, split="test").ids.tolist() == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]


def test_a_finished_folder_is_left_alone_and_an_unfinished_one_is_drawn_again(tmp_path):
    folder = tmp_path / "drawn"
    leftover = tmp_path / "drawn.unfinished" / "train"
    leftover.mkdir(parents=True)
    (leftover / "cat.99.jpg").touch()
    draw_dogs_vs_cats(folder, per_class=2, test=1)
    assert len(list((folder / "train").iterdir())) == 4
    marked = folder / "train" / "cat.0.jpg"
    marked.write_bytes(b"")
    draw_dogs_vs_cats(folder, per_class=2, test=1)
    assert marked.read_bytes() == b""


@pytest.mark.slow
def test_neither_colour_nor_brightness_tells_the_animals_apart():
    """A linear classifier of 4 x 4 pixels does little better than guessing on other pictures."""

    def tiny(species: str, numbers: range) -> np.ndarray:
        pictures = [draw_pet(species, np.random.default_rng([7, n])) for n in numbers]
        small = [picture.resize((4, 4), Image.Resampling.BOX) for picture in pictures]
        return np.stack([np.asarray(picture).ravel() / 255 for picture in small])

    def both(start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        # other numbers for the dogs: with the same ones they would stand on the cats' backgrounds
        x = np.concatenate(
            [
                tiny("cat", range(start, start + count)),
                tiny("dog", range(start + 9000, start + 9000 + count)),
            ]
        )
        return np.c_[x, np.ones(len(x))], np.repeat([-1.0, 1.0], count)

    x, y = both(1000, 100)
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    x, y = both(2000, 75)
    assert np.mean(np.sign(x @ weights) == y) < 0.75

"""Pictures that are decoded once are those of the dataset, and broken ones come up as usual."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

import minicnn as mc
from minicnn import transforms
from minicnn.data import BrokenPicture, DataLoader, Dataset, DogsVsCats
from minicnn.data.decoded import DecodedPictures
from minicnn.data.drawn import draw_dogs_vs_cats

pytestmark = pytest.mark.cpu_only

RESIZE = transforms.Resize(20)


@pytest.fixture
def pets(tmp_path):
    return draw_dogs_vs_cats(tmp_path / "pets", per_class=3, test=0)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_pictures_labels_and_sizes_are_those_of_the_dataset(pets, num_workers):
    dataset = DogsVsCats(pets)
    decoded = DecodedPictures(dataset, RESIZE, num_workers)
    assert len(decoded) == 6 and decoded.labels.tolist() == [0, 0, 0, 1, 1, 1]
    for index, (pixels, label) in enumerate(decoded):
        picture, expected = dataset[index]
        np.testing.assert_array_equal(pixels, np.asarray(RESIZE(picture)))
        assert label == expected
        assert pixels.shape[:2] == tuple(decoded.sizes[index])
        assert decoded.describe(index) == dataset.describe(index)
    assert decoded.nbytes == 3 * decoded.sizes.prod(axis=1).sum()


def test_nothing_random_is_drawn(pets):
    before = mc.get_rng_state().numpy_copy()
    DecodedPictures(DogsVsCats(pets), RESIZE)
    np.testing.assert_array_equal(mc.get_rng_state().numpy(), before)


def test_a_loader_leaves_out_a_broken_picture_and_names_it_once(pets):
    (pets / "train" / "dog.1.jpg").write_bytes(b"no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded = DecodedPictures(DogsVsCats(pets, on_error="warn"), RESIZE)
    assert list(decoded.broken) == [4]
    loader = DataLoader(decoded, batch_size=2, collate_fn=len)
    with pytest.warns(UserWarning, match="left out sample 4: .*dog.1.jpg") as warned:
        assert [*loader, *loader] == 2 * [2, 2, 1]
    assert len(warned) == 1 and "dog.1.jpg" in loader.skipped[4]


def test_where_broken_pictures_are_errors_it_is_one_now(pets):
    (pets / "train" / "dog.1.jpg").write_bytes(b"no picture")
    with pytest.raises(BrokenPicture, match=r"dog.1.jpg"):
        DecodedPictures(DogsVsCats(pets), RESIZE)


def test_pictures_can_be_taken(pets):
    decoded = DecodedPictures(DogsVsCats(pets), RESIZE)
    size = decoded.nbytes
    assert sum(picture.nbytes for picture in decoded.take_pictures()) == size
    assert decoded.nbytes == 0 and len(decoded) == 6


class Grey(Dataset):
    def __getitem__(self, index):
        return Image.new("L", (4, 4)), 0

    def __len__(self):
        return 1

    def describe(self, index):
        return "grey.png"


def test_another_mode():
    with pytest.raises(ValueError, match=r"grey.png: pictures must be in mode RGB, got .*\(4, 4\)"):
        DecodedPictures(Grey(), lambda picture: picture)

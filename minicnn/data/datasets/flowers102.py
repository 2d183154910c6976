"""Oxford 102 Flowers: photographs of flowers; which ones belong to a split is in MATLAB's files."""

# ruff: noqa: RUF012  torchvision has these class attributes, which programs read and replace
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...io.matlab import read_matlab
from ..image_folder import default_loader
from ..vision_dataset import VisionDataset
from ._checks import check_md5_if_whole, check_there, unusable
from .utils import download_and_extract_archive, download_url, verify_str_arg

__all__ = ["Flowers102"]

_COUNT = 8189  # photographs


class Flowers102(VisionDataset):
    """Flowers of 102 kinds: sample i is (picture in mode RGB, class).

    Args:
        root: the folder that contains ``flowers-102``.
        split: ``"train"``, ``"val"`` or ``"test"``.
        transform: called with the picture.
        target_transform: called with the class.
        download: whether to download and unpack the files if they are not there.
        loader: called with a picture's path.

    Attributes:
        classes: the flowers' names.

    Raises:
        ValueError: for another ``split``.
        RuntimeError: if a file is missing, damaged or of another kind; the message names it.

    Nilsback & Zisserman 2008; as ``torchvision.datasets.Flowers102``, without SciPy. torchvision
    refuses lists that are not the published ones; here shorter ones are read.
    """

    _download_url_prefix = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict = {  # name, MD5
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    _splits_map = {"train": "trnid", "val": "valid", "test": "tstid"}
    classes = [
        "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea",
        "english marigold", "tiger lily", "moon orchid", "bird of paradise", "monkshood",
        "globe thistle", "snapdragon", "colt's foot", "king protea", "spear thistle", "yellow iris",
        "globe-flower", "purple coneflower", "peruvian lily", "balloon flower",
        "giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger",
        "grape hyacinth", "corn poppy", "prince of wales feathers", "stemless gentian", "artichoke",
        "sweet william", "carnation", "garden phlox", "love in the mist", "mexican aster",
        "alpine sea holly", "ruby-lipped cattleya", "cape flower", "great masterwort", "siam tulip",
        "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia", "bolero deep blue",
        "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion", "petunia",
        "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura",
        "geranium", "orange dahlia", "pink-yellow dahlia?", "cautleya spicata", "japanese anemone",
        "black-eyed susan", "silverbush", "californian poppy", "osteospermum", "spring crocus",
        "bearded iris", "windflower", "tree poppy", "gazania", "azalea", "water lily", "rose",
        "thorn apple", "morning glory", "passion flower", "lotus", "toad lily", "anthurium",
        "frangipani", "clematis", "hibiscus", "columbine", "desert-rose", "tree mallow", "magnolia",
        "cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "ball moss", "foxglove",
        "bougainvillea", "camellia", "mallow", "mexican petunia", "bromelia", "blanket flower",
        "trumpet creeper", "blackberry lily",
    ]  # fmt: skip

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
        loader: Callable[[Any], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", tuple(self._splits_map))
        self.loader = loader
        self._base = Path(self.root, "flowers-102")
        if download:
            self.download()
        check_there("Flowers102", self._files(), self._download_url_prefix)
        labels = self._read("label", "labels")
        numbers = self._read("setid", self._splits_map[split])
        if numbers.size and not 1 <= numbers.min() <= numbers.max() <= len(labels):
            raise RuntimeError(
                f"{str(self._base / self._file_dict['setid'][0])!r} must have numbers from 1 to "
                f"{len(labels)}, got {numbers.min()} to {numbers.max()}"
            )
        for kind in ("label", "setid"):
            name, md5 = self._file_dict[kind]
            check_md5_if_whole(self._base / name, md5, len(labels), _COUNT)
        self._labels: list[int] = (labels[numbers - 1].astype(np.int64) - 1).tolist()
        self._image_files = [
            self._base / "jpg" / f"image_{number:05d}.jpg" for number in numbers.tolist()
        ]

    def _files(self) -> list[Path]:
        lists = [self._base / self._file_dict[kind][0] for kind in ("label", "setid")]
        return [self._base / "jpg", *lists]

    def _read(self, kind: str, name: str) -> np.ndarray:
        """A list of numbers in one of the files."""
        path = self._base / self._file_dict[kind][0]
        try:
            arrays = read_matlab(path)
        except ValueError as error:
            raise unusable(error) from error
        if name not in arrays:
            raise RuntimeError(f"{str(path)!r} must have {name!r}, got {', '.join(arrays)}")
        return arrays[name].reshape(-1).astype(np.int64)

    def download(self) -> None:
        """Downloads and unpacks the files, unless they are there."""
        if all(path.exists() for path in self._files()):
            return
        name, md5 = self._file_dict["image"]
        download_and_extract_archive(self._download_url_prefix + name, self._base, md5=md5)
        for kind in ("label", "setid"):
            name, md5 = self._file_dict[kind]
            download_url(self._download_url_prefix + name, self._base, md5=md5)

    def __len__(self) -> int:
        return len(self._image_files)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self.loader(self._image_files[index]), self._labels[index])

    def describe(self, index: int) -> str:
        """The picture's path."""
        return str(self._image_files[index])

    def extra_repr(self) -> str:
        return f"split={self._split}"

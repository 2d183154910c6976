from __future__ import annotations

import io
import json
import pickle

import numpy as np
import pytest
import torch
from pictures import jpeg
from PIL import Image
from shards import picture_shards, write_shard

import minicnn as mc
from minicnn.data import BrokenSample, DataLoader, IterableDataset, WebDataset
from minicnn.data.webdataset.shard import split_name

pytestmark = pytest.mark.cpu_only


def png(seed: int, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(jpeg(seed))).convert(mode).save(file, "PNG")
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def mixed_files() -> list[tuple[str, bytes]]:
    """Members of all kinds, in the forms in which people have them."""
    return [
        ("README", b"not part of a sample"),
        ("__meta__", b"{}"),
        ("__index__/0.json", b"{}"),
        ("a/0001.jpg", jpeg(1)),
        ("a/0001.cls", b" 17\n"),
        ("a/0001.seg.PNG", png(2, "L")),
        ("a/0001.txt", "Füße".encode()),
        ("a/0002.JPG", jpeg(3, mode="CMYK")),
        ("a/0002.json", json.dumps({"label": 3, "box": [1, 2.5]}).encode()),
        ("b.c/0003.png", png(4, "P")),
        ("b.c/0003.npy", npy(np.arange(6).reshape(2, 3))),
        ("b.c/0003.bin", b"\0\1"),
        ("b.c/0004.jpg", jpeg(5, mode="L")),
        ("a/0001.cls", b"5"),
        ("a/0001.png", png(6, "RGBA")),
    ]


@pytest.fixture(params=["w", "w:gz"])
def mixed(tmp_path, request):
    name = "mixed.tar.gz" if request.param == "w:gz" else "mixed.tar"
    return write_shard(tmp_path / name, mixed_files(), request.param)


@pytest.fixture
def theirs_of():
    wds = pytest.importorskip("webdataset")

    def without_path(sample: dict) -> dict:
        del sample["__local_path__"]
        return sample

    return lambda shards: wds.WebDataset(shards, shardshuffle=False).map(without_path)


def same(ours: object, theirs: object) -> bool:
    if isinstance(theirs, torch.Tensor):
        return np.array_equal(ours.numpy(), theirs.numpy()) and ours.dtype.name == str(
            theirs.dtype
        ).removeprefix("torch.")
    if isinstance(theirs, np.ndarray):
        return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    if isinstance(theirs, Image.Image):
        return (ours.mode, ours.size, ours.tobytes()) == (
            theirs.mode,
            theirs.size,
            theirs.tobytes(),
        )
    if isinstance(theirs, dict):
        return set(ours) == set(theirs) and all(same(ours[k], theirs[k]) for k in theirs)
    if isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


FORMS = ["pil", "pill", "pilrgb", "rgb8", "rgb", "l8", "l", "torchrgb8", "torchrgb", "torch",
         "torchl8", "torchl"]  # fmt: skip


def test_samples_are_webdatasets(mixed, theirs_of):
    ours = list(WebDataset(mixed))
    assert len(ours) == 5 and ours == list(theirs_of(mixed))


@pytest.mark.parametrize("form", FORMS)
def test_decoded_samples_are_webdatasets(mixed, theirs_of, form):
    ours, theirs = list(WebDataset(mixed).decode(form)), list(theirs_of(mixed).decode(form))
    assert same(ours, theirs)


def test_methods_do_what_webdatasets_do(tmp_path, theirs_of):
    pattern = picture_shards(tmp_path, 3, 4)

    def chained(dataset):
        return (
            dataset.decode("rgb8", only="jpg")
            .map_dict(cls=int)
            .select(lambda sample: sample["cls"] != 5)
            .map(lambda sample: {**sample, "twice": 2 * sample["cls"]})
            .map(lambda sample: None if sample["cls"] == 2 else sample)
            .to_tuple("png;jpg cls twice")
            .map_tuple(np.sum, None)
        )

    ours, theirs = list(chained(WebDataset(pattern))), list(chained(theirs_of(pattern)))
    assert len(ours) == 10 and same(ours, theirs)


def test_batches_are_webdatasets(tmp_path, theirs_of):
    pattern = picture_shards(tmp_path, 3, 4)

    def batches(dataset, **options):
        return list(dataset.decode("rgb8").to_tuple("jpg", "cls").batched(5, **options))

    for options in ({}, {"partial": False}):
        ours, theirs = (batches(dataset(pattern), **options) for dataset in (WebDataset, theirs_of))
        assert len(ours) == len(theirs) == (2 if options else 3)
        for own, their in zip(ours, theirs, strict=True):
            assert all(np.array_equal(a.numpy(), b) for a, b in zip(own, their, strict=True))
    assert len(batches(WebDataset(pattern), collation_fn=None)[0]) == 5


def test_own_handlers_come_first(mixed, theirs_of):
    def reversed_bytes(key: str, data: bytes) -> bytes | None:
        return data[::-1] if key in (".bin", ".seg.png") else None

    ours, theirs = (
        list(dataset(mixed).decode(reversed_bytes, "rgb8")) for dataset in (WebDataset, theirs_of)
    )
    assert same(ours, theirs)


@pytest.mark.parametrize("repeated", [{"repeat": 3}, {"with_epoch": 4}, {"with_epoch": 31}])
def test_epochs_are_webdatasets(tmp_path, theirs_of, repeated):
    pattern = picture_shards(tmp_path, 3, 4)
    ((method, count),) = repeated.items()
    ours, theirs = (
        list(getattr(dataset(pattern), method)(count)) for dataset in (WebDataset, theirs_of)
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/b.c/d.seg.PNG", ("a/b.c/d", "seg.png")),
        ("./1.jpg", ("./1", "jpg")),
        ("1.", ("1", "")),
        ("README", None),
        ("a.b/README", None),
        (".hidden.jpg", None),
        ("a/._0001.jpg", None),
        ("__meta__/0001.json", None),
    ],
)
def test_names_of_members(name, parts):
    assert split_name(name) == parts


def test_a_transform_gives_pictures_and_classes(tmp_path):
    dataset = WebDataset(
        picture_shards(tmp_path, 2, 3), transform=np.asarray, target_transform=lambda n: -n
    )
    samples = list(dataset)
    assert [target for _, target in samples] == [0, -1, -2, -3, -4, -5]
    for i, (picture, _) in enumerate(samples):
        assert np.array_equal(picture, np.asarray(Image.open(io.BytesIO(jpeg(i)))))


@pytest.mark.filterwarnings("ignore:left out 3 broken parts")
def test_fields(mixed):
    assert len(list(WebDataset(mixed, fields="png;jpg cls", on_error="skip"))) == 2
    dataset = WebDataset(mixed, fields=("npy;txt;json;jpg;png",))
    kinds = [type(sample[0]).__name__ for sample in dataset]
    assert kinds == ["str", "dict", "ndarray", "Image", "Image"]


def test_pickled_members_are_refused_whatever_happens_with_errors(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "exploded").touch, ()

    shard = write_shard(tmp_path / "a.tar", [("1.pyd", pickle.dumps(Bomb())), ("1.cls", b"1")])
    for on_error in ("raise", "skip"):
        dataset = WebDataset(shard, on_error=on_error)
        with pytest.raises(BrokenSample, match=r"a\.tar/1\.pyd: pickled data can run code"):
            list(dataset.decode())
        assert [sample["cls"] for sample in dataset.decode(only="cls")] == [1]
    assert not (tmp_path / "exploded").exists()


def test_unknown_forms_and_wrong_options(tmp_path):
    shard = picture_shards(tmp_path, 1)
    with pytest.raises(ValueError, match=r"one of pil, .* got 'rgba'"):
        WebDataset(shard).decode("rgba")
    with pytest.raises(ValueError, match="on_error must be one of"):
        WebDataset(shard, on_error="ignore")
    with pytest.raises(ValueError, match="seed must be from 0"):
        WebDataset(shard, seed=-1)
    for size in (True, -1):  # True is what a DataLoader takes
        with pytest.raises(ValueError, match=f"how many samples to draw from, as 5000, got {size}"):
            WebDataset(shard, shuffle=size)
    for number in (0, -1):
        with pytest.raises(ValueError, match=f"at least one sample, got {number}"):
            WebDataset(shard).with_epoch(number)
        with pytest.raises(ValueError, match=f"batchsize must be positive, got {number}"):
            WebDataset(shard).batched(number)
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        WebDataset(shard).with_epoch(10 / 4)


@pytest.mark.parametrize("method", ["decode", "to_tuple", "map_dict"])
def test_methods_for_dicts_come_before_those_that_make_tuples(tmp_path, method):
    dataset = WebDataset(picture_shards(tmp_path, 1), fields="jpg cls")
    with pytest.raises(TypeError, match=f"{method} expects samples that are dicts, got a tuple"):
        next(iter(getattr(dataset, method)()))


# ------------------------------------------------------------------------------------ order


def classes(dataset) -> list[int]:
    return [int(sample["cls"]) for sample in dataset]


def test_the_buffer(tmp_path):
    pattern = picture_shards(tmp_path, 1, 100)
    shuffled = classes(WebDataset(pattern).shuffle(10, initial=4))
    assert sorted(shuffled) == list(range(100)) and shuffled != list(range(100))
    assert all(number <= 2 * place + 10 for place, number in enumerate(shuffled[:6]))
    assert max(number - place for place, number in enumerate(shuffled)) <= 10
    assert classes(WebDataset(pattern).shuffle(0)) == list(range(100))
    everything = classes(WebDataset(pattern).shuffle(1000, initial=1000))
    assert abs(np.corrcoef(everything, range(100))[0, 1]) < 0.4


def test_every_order_of_the_buffer_is_as_likely(tmp_path):
    dataset = WebDataset(picture_shards(tmp_path, 1, 3), shuffle=3)
    dataset = dataset.shuffle(3, initial=3)
    orders = [tuple(classes(dataset)) for _ in range(600)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6 and sum((n - 100) ** 2 / 100 for n in counts) < 20.5  # chi², p = 0.001


def test_shards_in_a_new_order_each_epoch(tmp_path):
    pattern = picture_shards(tmp_path, 8, 2)
    dataset = WebDataset(pattern, shardshuffle=100)
    first, second = classes(dataset), classes(dataset)
    assert sorted(first) == list(range(16)) and first != second
    assert all(a + 1 == b for a, b in zip(first[::2], first[1::2], strict=True))
    assert classes(WebDataset(pattern, shuffle=5, shardshuffle=False))[-1] > 9
    assert classes(WebDataset(pattern)) == list(range(16))
    assert classes(WebDataset(pattern, shardshuffle=True, seed=1)) != first
    repeated = classes(WebDataset(pattern, shardshuffle=True).repeat(2))
    assert repeated[:16] == first and sorted(repeated[16:]) == list(range(16))
    assert repeated[16:] not in (first, second)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_runs_repeat(tmp_path, num_workers):
    pattern = picture_shards(tmp_path, 6, 3)

    def epochs(count: int, first: int = 0) -> list[list[int]]:
        loader = DataLoader(
            WebDataset(pattern, shuffle=4), 3, num_workers=num_workers, persistent_workers=False
        )
        loader.set_epoch(first)
        return [[int(n) for batch in loader for n in batch["cls"]] for _ in range(count)]

    whole = epochs(3)
    assert whole == epochs(3) and whole[0] != whole[1] != whole[2]
    assert epochs(1, first=2) == whole[2:]


def test_persistent_workers_know_the_epoch(tmp_path):
    pattern = picture_shards(tmp_path, 6, 3)

    def epochs(**options) -> list[list[str]]:
        loader = DataLoader(WebDataset(pattern, shuffle=4), 3, num_workers=2, **options)
        return [[key for batch in loader for key in batch["__key__"]] for _ in range(2)]

    assert epochs(persistent_workers=True) == epochs()


def test_set_epoch_without_a_loader(tmp_path):
    dataset = WebDataset(picture_shards(tmp_path, 6, 3), shuffle=4)
    first, second = classes(dataset), classes(dataset)
    dataset.set_epoch(0)
    assert (classes(dataset), classes(dataset)) == (first, second)


def test_a_dataset_around_it_gets_each_sample_once(tmp_path):
    class Around(IterableDataset):
        def __init__(self, dataset):
            self.dataset = dataset

        def __iter__(self):
            yield from classes(self.dataset)

    dataset = WebDataset(picture_shards(tmp_path, 5, 3), shuffle=4)
    loader = DataLoader(Around(dataset), 4, num_workers=2)
    first, second = ([n for batch in loader for n in batch.tolist()] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(15)) and first != second


def noise(picture) -> float:
    return mc.data.current_generator().random()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_augmentation_draws_the_numbers_of_samples(tmp_path, num_workers):
    dataset = WebDataset(picture_shards(tmp_path, 2, 4), transform=noise)

    def drawn() -> list[float]:
        loader = DataLoader(dataset, 2, num_workers=num_workers)
        loader.set_epoch(1)
        loader.seed = 3
        return [number for batch, _ in loader for number in batch.tolist()]

    first = drawn()
    assert len(set(first)) == 8 and first == drawn()


# ------------------------------------------------------------------------------------ length


def test_a_length_is_unknown_unless_told(tmp_path):
    dataset = WebDataset(picture_shards(tmp_path, 2, 4))
    assert not hasattr(dataset, "__len__") and bool(dataset)
    with pytest.raises(TypeError):
        len(DataLoader(dataset))
    told = dataset.with_length(7).map(dict)
    assert len(told) == 7 and len(DataLoader(told, 2)) == 4
    assert not hasattr(dataset, "__len__") and len(pickle.loads(pickle.dumps(told.map(dict)))) == 7


def test_samples_are_counted_once(tmp_path, monkeypatch):
    pattern = picture_shards(tmp_path, 3, 4)
    assert len(WebDataset(pattern).with_length()) == 12
    assert [path.name for path in tmp_path.glob(".minicnn-shards-*.index")]
    monkeypatch.setattr("minicnn.data.webdataset.counting.sample_keys", lambda shard: 1 / 0)
    dataset = WebDataset(pattern).with_length()
    assert len(dataset) == 12 and len(list(dataset)) == 12
    monkeypatch.setenv("WORLD_SIZE", "5")
    assert len(WebDataset(pattern).with_length()) == 3


def test_samples_are_counted_as_they_are_read(mixed):
    assert len(WebDataset(mixed).with_length()) == 5


def test_it_can_be_shown(tmp_path):
    dataset = WebDataset(picture_shards(tmp_path, 3), shuffle=4, transform=noise)
    assert repr(dataset) == (
        f"WebDataset(3 shards from {tmp_path}/train-0000.tar, shuffle, decode, to_tuple, map_tuple)"
    )

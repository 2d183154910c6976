from __future__ import annotations

import numpy as np
import pytest
from pictures import jpeg

from minicnn.data import ShardWriter, WebDataset

pytestmark = pytest.mark.cpu_only


def write(folder, count: int, **options) -> list[str]:
    with ShardWriter(f"{folder}/a-%03d.tar", **options) as writer:
        for i in range(count):
            sample = {"jpg": jpeg(i), "cls": i, "json": {"name": "Füße"}, "txt": "Füße"}
            writer.write({"__key__": f"x/{i:05d}", "__url__": "left out", **sample})
    return writer.shards


def test_what_is_written_is_read(tmp_path):
    shards = write(tmp_path, 7, maxcount=3)
    assert shards == [f"{tmp_path}/a-00{i}.tar" for i in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a-00{i}.tar" for i in range(3)]
    samples = list(WebDataset(shards).decode())
    assert [(s["__key__"], s["cls"]) for s in samples] == [(f"x/{i:05d}", i) for i in range(7)]
    assert samples[3]["jpg"] == jpeg(3)
    assert samples[0]["json"] == {"name": "Füße"} and samples[0]["txt"] == "Füße"


def test_the_size_of_a_shard(tmp_path):
    assert len(write(tmp_path, 6, maxsize=2 * len(jpeg(0)))) in (3, 4)


def test_webdataset_reads_it(tmp_path):
    wds = pytest.importorskip("webdataset")
    shards = write(tmp_path, 3)
    theirs = list(
        wds.WebDataset(shards, shardshuffle=False).decode().to_tuple("jpg", "cls", "json")
    )
    assert theirs == list(WebDataset(shards).decode().to_tuple("jpg", "cls", "json"))


def test_what_webdataset_writes_is_read(tmp_path):
    wds = pytest.importorskip("webdataset")
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    with wds.ShardWriter(f"{tmp_path}/a-%06d.tar.gz", maxcount=2, verbose=0) as writer:
        for i in range(5):
            key = f"{'long/' * 30}{i}"
            sample = {"cls": i, "json": {"a": [i]}, "txt": "ü", "npy": array, "jpg": jpeg(i)}
            writer.write({"__key__": key if i == 3 else str(i), **sample})
    dataset = WebDataset(f"{tmp_path}/a-{{000000..000002}}.tar.gz")
    for i, sample in enumerate(dataset.decode(lambda key, data: None, only="cls json txt npy")):
        assert (sample["cls"], sample["json"], sample["txt"]) == (i, {"a": [i]}, "ü")
        assert np.array_equal(sample["npy"], array) and sample["jpg"] == jpeg(i)
    assert len(list(dataset)) == 5


def test_samples_that_would_not_be_read_as_they_are(tmp_path):
    with ShardWriter(f"{tmp_path}/%d.tar") as writer:
        writer.write({"__key__": "v1.2/a", "cls": np.int64(3)})
        for key in ("a.b", ".a", "__meta__/a", ""):
            with pytest.raises(ValueError, match=f"no point after its folders, got '{key}'"):
                writer.write({"__key__": key, "cls": 1})
        with pytest.raises(ValueError, match=r"must differ in their keys, got 'v1\.2/a'"):
            writer.write({"__key__": "v1.2/a", "cls": 1})
        with pytest.raises(ValueError, match="must have a member, got none for the key 'b'"):
            writer.write({"__key__": "b", "__url__": "x"})
    (sample,) = WebDataset(writer.shards).decode()
    assert (sample["__key__"], sample["cls"]) == ("v1.2/a", 3)


def test_an_error_leaves_no_half_shard(tmp_path):
    with pytest.raises(TypeError), ShardWriter(f"{tmp_path}/%d.tar", maxcount=1) as writer:
        for value in (1, 2, object()):
            writer.write({"__key__": str(value), "cls": value})
            if value == 2:
                assert not (tmp_path / "1.tar").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["0.tar"]

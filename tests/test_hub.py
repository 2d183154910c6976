"""Downloads under torch.hub's names, from a server of our own."""

import hashlib
import io
from pathlib import Path

import pytest
from file_server import serving

import minicnn as mc
from minicnn import hub

pytestmark = pytest.mark.cpu_only


def weights(number):
    file = io.BytesIO()
    mc.save({"weight": mc.full((2,), number)}, file, format="torch")
    return file.getvalue()


GOOD = f"net-{hashlib.sha256(weights(1.0)).hexdigest()[:8]}.pth"
FILES = {GOOD: weights(1.0), "net-00000000.pth": weights(2.0), "other.pth": weights(3.0)}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(hub, "_folder", None)
    with serving(FILES) as server:
        yield server


def first(state):
    return state["weight"].tolist()[0]


def test_weights_are_downloaded_once(server):
    for _ in range(2):
        assert first(hub.load_state_dict_from_url(server.url + GOOD, progress=False)) == 1
    assert len(server.paths) == 1
    assert hub.load_url is hub.load_state_dict_from_url


def test_folders_and_names(server, tmp_path):
    url = server.url + "other.pth"
    hub.load_state_dict_from_url(url, model_dir=tmp_path / "models", progress=False)
    assert (tmp_path / "models" / "other.pth").is_file()
    hub.set_dir(tmp_path / "hub")
    assert hub.get_dir() == str(tmp_path / "hub")
    state = hub.load_state_dict_from_url(url, progress=False, file_name="mine.pth")
    assert first(hub.load_state_dict_from_url(url, progress=False)) == 3
    names = sorted(p.name for p in (tmp_path / "hub" / "checkpoints").glob("*.pth"))
    assert names == ["mine.pth", "other.pth"]
    assert first(state) == 3


def test_map_location(server, tmp_path):
    url = server.url + "other.pth"
    state = hub.load_state_dict_from_url(url, tmp_path, map_location="cpu", progress=False)
    assert state["weight"].device == mc.device("cpu")


def test_check_hash(server, tmp_path):
    url = server.url + "net-00000000.pth"
    with pytest.raises(ValueError, match="must begin with 00000000"):
        hub.load_state_dict_from_url(url, tmp_path, progress=False, check_hash=True)
    assert first(hub.load_state_dict_from_url(url, tmp_path, progress=False)) == 2


def test_a_file_is_replaced_once_it_is_whole(server, tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(ValueError, match="must begin with ff"):
        hub.download_url_to_file(server.url + GOOD, target, hash_prefix="ff", progress=False)
    with pytest.raises(OSError, match="cannot download"):
        hub.download_url_to_file(server.url + "none", target, progress=False)
    assert target.read_text() == "old"
    hub.download_url_to_file(server.url + GOOD, str(target), progress=False)
    assert target.read_bytes() == FILES[GOOD]
    assert [path.name for path in Path(tmp_path).glob("file*")] == ["file"]


def test_code_from_the_net_is_not_run():
    with pytest.raises(
        RuntimeError, match=r"run the code of 'pytorch/vision'.*get_model\('resnet18'"
    ):
        hub.load("pytorch/vision", "resnet18")

"""What all plots share: a file is whole, or the older one stays."""

import pytest
from PIL import Image

from minicnn.viz.figures import new_figure, save_figure

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.cpu_only


@pytest.mark.parametrize(("name", "format"), [("plot", "PNG"), ("plot.jpg", "JPEG")])
def test_the_format_is_that_of_the_name(name, format, tmp_path):
    save_figure(new_figure(2, 1), tmp_path / name, "caf\udce9 $\\frac$")
    with Image.open(tmp_path / name) as picture:
        assert (picture.format, picture.size) == (format, (240, 120))


def test_an_older_file_stays_if_drawing_fails(monkeypatch, tmp_path):
    path, figure = tmp_path / "plot.png", new_figure(2, 1)
    path.write_bytes(b"older")

    def fail(file, **options):
        file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="the disk is full"):
        save_figure(figure, path, "")
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]

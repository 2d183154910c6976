"""What a notebook shows of values."""

import re
import time
from html.parser import HTMLParser

import numpy as np
import pytest

import minicnn as mc
from minicnn import nn


class Reader(HTMLParser):
    """Checks that tags are closed in their order, and collects the cells of tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.rows, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def read(value) -> Reader:
    return Reader(value._repr_html_())


def test_a_small_matrix_is_shown_as_it_is():
    shown = read(mc.tensor([[1.0, 0.12345], [float("nan"), -2e9]]))
    assert shown.rows == [["1", "0.1235"], ["nan", "-2e+09"]]
    assert shown.text.startswith("Tensor 2 x 2, float32, on ")


def test_of_a_large_tensor_the_first_matrix_and_its_edges():
    array = np.arange(2 * 3 * 10 * 20).reshape(2, 3, 10, 20)
    shown = read(mc.tensor(array))
    assert len(shown.rows) == 7 and {len(row) for row in shown.rows} == {9}
    assert shown.rows[0] == ["0", "1", "2", "3", "…", "16", "17", "18", "19"]
    assert shown.rows[3] == ["…"] * 9
    assert shown.rows[6][-1] == "199"
    assert "2 x 3 x 10 x 20, int64" in shown.text and "[0, 0]:" in shown.text


@pytest.mark.parametrize(
    ("tensor", "cells", "text"),
    [
        (lambda: mc.tensor(2.5), [["2.5"]], "Tensor a number, float32"),
        (lambda: mc.tensor([True, False]), [["True", "False"]], "Tensor 2, bool"),
        (lambda: mc.zeros(0, 3), [], "Tensor 0 x 3"),
        (lambda: mc.ones(2, dtype=mc.bfloat16), [["1", "1"]], "bfloat16"),
        (lambda: mc.ones(3, 0, 2), [], "3 x 0 x 2"),
        (lambda: nn.Parameter(mc.ones(1)), [["1"]], "Parameter 1, float32, on"),
        (lambda: mc.ones(2, requires_grad=True) * 3, [["3", "3"]], "computed by MulBackward0"),
        (lambda: mc.ones(1, requires_grad=True), [["1"]], "requires a gradient"),
        (lambda: mc.arange(12).reshape(3, 4).t()[1:], [["1", "5", "9"], ["2", "6", "10"],
                                                       ["3", "7", "11"]], "3 x 3"),
    ],
)  # fmt: skip
def test_tensors_of_all_kinds(tensor, cells, text):
    shown = read(tensor())
    assert shown.rows == cells and text in shown.text


@pytest.mark.cpu_only
def test_it_is_cheap_for_a_large_tensor():
    tensor = mc.zeros(4000, 1000)
    tensor._repr_html_()
    start = time.perf_counter()
    tensor._repr_html_()
    assert time.perf_counter() - start < 0.5  # 100 times what it takes


class Odd(nn.Module):
    def extra_repr(self) -> str:
        return "<script>&\n"


def test_a_module_is_a_tree():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(nn.ReLU(), Odd()))
    shown = read(net)
    assert "Sequential() 224 parameters" in shown.text
    assert "(0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1)) 224 parameters" in shown.text
    assert "(1): Sequential()(0): ReLU()(1): Odd(<script>&" in shown.text
    assert net._repr_html_().count("<details open>") == 2


def test_a_deep_tree_opens_on_a_click():
    text = nn.Sequential(*[nn.Sequential(nn.ReLU()) for _ in range(40)])._repr_html_()
    assert (text.count("<details>"), text.count("<details open>")) == (40, 1)


def test_what_cannot_be_shown_is_printed():
    class Broken(nn.Module):
        def extra_repr(self) -> str:
            raise KeyError

    assert Broken()._repr_html_() is None
    assert "LazyLinear" in read(nn.LazyLinear(3)).text


@pytest.mark.cpu_only  # where graphs are recorded
@pytest.mark.parametrize("kind", ["summary", "graph"])
def test_tables_have_the_cells_of_the_text(kind):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    if kind == "summary":
        table = nn.summary(net, (1, 3, 8, 8))
    else:
        table = mc.graph.record(net, mc.ones(1, 3, 8, 8))
    shown = read(table)
    words = [re.sub(r"\s+", "", line) for line in str(table).splitlines() if line.strip(" -")]
    assert ["".join(row).replace(" ", "") for row in shown.rows] == words[: len(shown.rows)]
    for line in words[len(shown.rows) :]:
        assert line in shown.text.replace(" ", "")

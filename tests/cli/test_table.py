"""Tables on the terminal."""

from minicnn.cli.table import table


def test_what_would_shift_the_columns_is_written_with_escapes():
    printed = table(("picture", "class"), [("a\tb.jpg", "Kätzchen"), ("c.jpg", "two\nlines\udcff")])
    assert printed.splitlines() == [
        "picture   class",
        r"a\tb.jpg  Kätzchen",
        r"c.jpg     two\nlines\udcff",
    ]

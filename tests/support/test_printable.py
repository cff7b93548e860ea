"""Text of others cannot act on a terminal."""

from __future__ import annotations

import pytest

from rangegeo.support.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\rb\bc\x7f\x9b", r"a\rb\x08c\x7f\x9b"),
        ("a\u202egpj.exe", r"a\u202egpj.exe"),
        ("\u2066\u2069\u200e\u200b\ufeff\u2028", r"\u2066\u2069\u200e\u200b\ufeff\u2028"),
        ("a\tb\nc", "a\tb\nc"),
        ("Łódź 海 naïve \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),
    ],
)
def test_what_acts_on_a_terminal_is_an_escape(text, shown):
    assert printable(text) == (text if shown is None else shown)

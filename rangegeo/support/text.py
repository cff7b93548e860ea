"""Text that people read: amounts, and text of others made safe for a terminal."""

import re

# Characters that do something to a terminal or that hide text: controls but for tabs and line breaks, and signs that
# have no width or change the direction of text. https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Text in which characters that act on a terminal are escapes such as \\x1b; names in files may hold them."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def human_bytes(count: float) -> str:
    """A number of bytes as text; 1234567 becomes "1.2 MB"."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = 0
    while count >= 1000 and power < len(units) - 1:
        count /= 1000
        power += 1
    if round(count) == 1 and power == 0:
        return "1 byte"
    return f"{count:.0f} {units[0]}" if power == 0 else f"{count:.1f} {units[power]}"


def counted(count: int, noun: str) -> str:
    """A number and what it counts; 1 and "row" become "1 row", 2345 "2,345 rows"."""
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def human_seconds(seconds: float) -> str:
    """A duration as text, in at most two units; 75 becomes "1 min 15 s"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

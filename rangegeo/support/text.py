"""Amounts as text that people read."""


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

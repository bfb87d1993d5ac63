"""Numbers, times and names as a reader sees them."""

import math
import re
from datetime import UTC, datetime

MISSING = "–"
NBSP = "\u00a0"  # keeps a number and its unit on one line
_SCALES = ((1e12, "T"), (1e9, "bn"), (1e6, "M"))


def number(value: float, digits: int = 3) -> str:
    """A number to `digits` significant digits, thousands apart: 1,234, 0.00123, 12.3 M. Whole ones are not rounded."""
    if not math.isfinite(value):
        return MISSING
    for scale, letter in _SCALES:
        if abs(value) >= scale:
            return f"{value / scale:,.{digits}g}{NBSP}{letter}"
    if float(value).is_integer() or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) >= 1e-4 else f"{value:.1e}"


def count(value: int, singular: str, plural: str = "") -> str:
    """A count with its noun: 1 block, 8,308 blocks."""
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def percent(share: float) -> str:
    """A share as per cent: 0.1234 is 12.3 %."""
    return f"{number(100 * share)}{NBSP}%" if math.isfinite(share) else MISSING


def usd(value: float, digits: int = 3) -> str:
    """An amount of dollars: 1,234 USD."""
    return f"{number(value, digits)}{NBSP}USD" if math.isfinite(value) else MISSING


def duration(seconds: float) -> str:
    """A length of time in its two largest units: 2 h 3 min."""
    if not math.isfinite(seconds):
        return MISSING
    left, parts = round(seconds), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{NBSP}{unit}")
    return NBSP.join(parts[:2]) or f"0{NBSP}s"


def utc(seconds: float) -> str:
    """A time [s since 1970]: 2020-03-12 07:40:05 UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plain(name: str) -> str:
    """A snake_case name as words, capitalised."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def short(name: str) -> str:
    """A name with every address in it cut to its ends: ETH/0x12345678…cdef."""
    return re.sub(r"(0x[0-9a-f]{8})[0-9a-f]{28}([0-9a-f]{4})", r"\1…\2", name)

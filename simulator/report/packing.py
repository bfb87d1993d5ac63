"""Text small enough to lie inside a page: zlib, then base 85 in an alphabet that a script element cannot misread."""

import base64
import zlib

# `<` is what could open or close an element inside a script's text; `,` is free in Python's base-85 alphabet.
_FROM, _TO = b"<", b","
ALPHABET = (
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~".replace(_FROM, _TO)
).decode()


def pack(text: str) -> str:
    """`text` compressed, in characters of `ALPHABET` (RFC 1924 order, five for four bytes, big-endian)."""
    return base64.b85encode(zlib.compress(text.encode(), 9)).replace(_FROM, _TO).decode()


def unpack(packed: str) -> str:
    """The inverse of `pack`, as the page does it."""
    return zlib.decompress(base64.b85decode(packed.encode().replace(_TO, _FROM))).decode()

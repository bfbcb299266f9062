"""What all cases need to compare the two sides."""

from __future__ import annotations

import struct
from typing import Any

TRAPPED = "a trap"


class Difference(Exception):
    """The library does something else than the reference."""


def expect(what: str, reference: Any, library: Any) -> None:
    if not same(reference, library):
        raise Difference(f"{what}\n    reference {reference!r}\n    library   {library!r}")


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal, down to the sign of zero; all NaNs are."""
    if type(a) is not type(b):
        return False
    match a:
        case float():
            return struct.pack("<d", a) == struct.pack("<d", b) or (a != a and b != b)
        case dict():
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        case list():
            return len(a) == len(b) and all(map(same, a, b))
        case (str(text), "utf8" | "utf16" | "latin1+utf16", int()):
            return bool(text == b[0])  # a string, with how it was encoded
        case _:
            return bool(a == b)

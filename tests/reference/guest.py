"""A guest's memory and canonical options, as each of the two sides wants them."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from typing import Any

from library import ENCODINGS, MEMORY_DATA, REALLOC, LiftLowerOptions
from memory import Allocator, Memory, Refused


class Guest:
    def __init__(self, d: Any, memory: Memory, encoding: str, allocator: Allocator) -> None:
        self.d = d
        self.memory = memory
        self.encoding = encoding
        self.allocator = allocator

    @property
    def address_type(self) -> str:
        return self.memory.address_type

    def context(self) -> Any:
        return context(self.d, self.memory, self.encoding, self.allocator)

    def sending_context(self, rng: random.Random) -> Any:
        """A context that makes use of the choices that a guest has in storing its own values."""
        if self.encoding == "latin1+utf16" and rng.random() < 0.5:
            return context_with_utf16(self.d, self)
        return self.context()

    def options(self) -> Any:
        """A pointer to `cmabi_lift_lower_options`, which keeps what it needs."""

        def memory_data(_data: int, place: Any, length: Any) -> None:
            place[0], length[0] = self.memory.address, len(self.memory)

        def realloc(_data: int, old: int, old_size: int, align: int, size: int, ptr: Any) -> bool:
            try:
                ptr[0] = self.allocator(old, old_size, align, size)
                return True
            except Refused:
                return False

        encoding, memory64 = ENCODINGS.index(self.encoding), self.address_type == "i64"
        callbacks = MEMORY_DATA(memory_data), REALLOC(realloc)
        size = ctypes.sizeof(LiftLowerOptions)
        return ctypes.pointer(LiftLowerOptions(size, encoding, memory64, None, 0, None, *callbacks))


def context(d: Any, memory: Any, encoding: str, realloc: Callable[[int, int, int, int], int]) -> Any:
    """A `LiftLowerContext` whose `realloc` is called without a task."""

    class Context(d.LiftLowerContext):  # type: ignore[misc]
        def reallocate(self, *args: int) -> int:
            try:
                return realloc(*args)
            except Refused:
                raise d.Trap from None

    return Context(d.LiftLowerOptions(encoding, memory), None)


def context_with_utf16(d: Any, guest: Guest) -> Any:
    """The context of a guest that stores its latin1+utf16 strings as UTF-16, also those that would
    be Latin-1."""

    class Context(type(guest.context())):  # type: ignore[misc]
        def store_string(self, v: tuple[str, str, int]) -> tuple[int, int]:
            encoded = v[0].encode("utf-16-le")
            ptr = self.allocate(2, len(encoded))
            guest.memory[ptr : ptr + len(encoded)] = encoded
            return ptr, len(encoded) // 2 | d.utf16_tag(guest.address_type)

    return Context(d.LiftLowerOptions(guest.encoding, guest.memory), None)


def contents(reference: Guest, library: Guest, places: dict[int, int]) -> tuple[bytes, bytes]:
    """Both memories, made equal where they may differ: the library may write zeros to padding of
    the values that are in `places` and in what `realloc` gave out, and anything to what `realloc`
    took back."""
    expected, got = reference.memory, bytearray(library.memory.bytes)
    live = set[int]()
    for place, size in [*places.items(), *reference.allocator.live.items()]:
        live.update(range(place, place + size))
    for at in live:
        if got[at] == 0 and not expected.written[at]:
            got[at] = expected.bytes[at]
    for place, size in reference.allocator.given:
        for at in range(place, place + size):
            if at not in live:
                got[at] = expected.bytes[at]
    return bytes(expected.bytes), bytes(got)


def damage(rng: random.Random, memory: Memory) -> None:
    """Changes some bytes of a memory."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(memory))
        aligned = slice(at & ~3, (at & ~3) + 4)
        match rng.randrange(4):
            case 0:
                memory.bytes[at] ^= 1 << rng.randrange(8)
            case 1:
                memory.bytes[at] = rng.choice([0, 1, 0x7F, 0x80, 0xD8, 0xFF])
            case 2:
                number = rng.choice([0, 1, len(memory), 0xD800, 0x110000, 0x7FFF_FFFF, 0xFFFF_FFFF])
                memory.bytes[aligned] = number.to_bytes(4, "little")
            case _:
                memory.bytes[aligned] = rng.randrange(len(memory) + 8).to_bytes(4, "little")

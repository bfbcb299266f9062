"""Memories as the reference wants them, at addresses that the library can be given."""

from __future__ import annotations

import ctypes
import random
import struct
from typing import Any

POINTER_SIZES = {"i32": 4, "i64": 8}

# What fills the memory that a value is copied from, and the one that it is copied to.
SOURCE_FILLER = 0x5A
FILLER = 0xA5


class Refused(Exception):
    """A guest's `realloc` failed."""


class Location(ctypes.Structure):
    """Where a memory is, for C."""

    _fields_ = [("address", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Memory:
    """A linear memory (`MemInst` of the reference) that knows which of its bytes were written."""

    def __init__(self, size: int, address_type: str, filler: int = FILLER) -> None:
        self.address_type = address_type
        self.filler = filler
        self.outgrown: list[Any] = []
        self.bytes = bytearray([filler]) * size
        self.view = (ctypes.c_uint8 * size).from_buffer(self.bytes)
        self.written = bytearray(size)
        self.location = Location(self.address, size)

    def __len__(self) -> int:
        return len(self.bytes)

    def __getitem__(self, place: int | slice) -> Any:
        return self.bytes[place]

    def __setitem__(self, place: int | slice, value: Any) -> None:
        if isinstance(place, int):
            place, value = slice(place, place + 1), bytes([value])
        assert 0 <= place.start <= place.stop <= len(self) and place.stop - place.start == len(value)
        self.bytes[place] = value
        self.written[place] = b"\1" * len(value)

    def ptr_type(self) -> str:
        return self.address_type

    def ptr_size(self) -> int:
        return POINTER_SIZES[self.address_type]

    @property
    def address(self) -> int:
        return ctypes.addressof(self.view)

    def grow(self, size: int) -> None:
        """Moves to another address, so that a use of the old one is noticed."""
        grown = Memory(len(self) + size, self.address_type, self.filler)
        grown.bytes[: len(self)] = self.bytes
        grown.written[: len(self)] = self.written
        ctypes.memset(self.view, 0xDB, len(self))
        self.outgrown.append(self.view)
        self.bytes, self.view, self.written = grown.bytes, grown.view, grown.written
        self.location.address, self.location.length = self.address, len(self)


class Allocator:
    """A guest's `realloc`. It keeps a log, and misbehaves where `mischief` says so."""

    def __init__(self, memory: Memory, seed: str, start: int = 0, mischief: bool = False) -> None:
        self.memory = memory
        self.random = random.Random(seed)
        self.end = start
        self.calls: list[tuple[int, int, int, int]] = []
        self.live: dict[int, int] = {}
        self.given: list[tuple[int, int]] = []
        self.bad_call = self.random.randrange(4) if mischief else None

    def __call__(self, old: int, old_size: int, align: int, size: int) -> int:
        self.calls.append((old, old_size, align, size))
        stays = old_size != 0 and size <= old_size and old % align == 0 and self.random.random() < 0.7
        is_full = not stays and self.end + size > len(self.memory)
        if is_full and self.bad_call is not None and self.random.random() < 0.3:
            raise Refused
        ptr = old if stays else self.take(align, size)
        if self.bad_call is not None and len(self.calls) > self.bad_call:
            ptr = self.misbehave(ptr, size)
        if ptr != old and ptr + size <= len(self.memory):
            kept = min(old_size, size)
            for bytes in (self.memory.bytes, self.memory.written):
                bytes[ptr : ptr + kept] = bytes[old : old + kept]
        self.live.pop(old, None)
        self.live[ptr] = size
        self.given.append((ptr, size))
        return ptr

    def take(self, align: int, size: int) -> int:
        ptr = -(-self.end // align) * align
        self.end = ptr + size
        if self.end > len(self.memory):
            self.memory.grow(self.end - len(self.memory) + 256)
        return ptr

    def misbehave(self, ptr: int, size: int) -> int:
        """Some other place, where nothing lies that is still needed, or beyond the memory."""
        match self.random.randrange(5):
            case 0:
                raise Refused
            case 1:
                return self.take(8, size + 1) + 1
            case 2:
                return len(self.memory) - size + 1
            case 3:
                return 2 ** (8 * self.memory.ptr_size()) - self.random.choice([1, 2, 8, 16])
            case _:
                return ptr


class ProcessMemory:
    """The process's own memory as the memory of the instance that the host is."""

    def __len__(self) -> int:
        return 1 << 62

    def __getitem__(self, place: slice) -> bytes:
        return ctypes.string_at(place.start, place.stop - place.start)

    def __setitem__(self, place: int | slice, value: Any) -> None:
        if isinstance(place, int):
            place, value = slice(place, place + 1), bytes([value])
        ctypes.memmove(place.start, bytes(value), len(value))

    def ptr_type(self) -> str:
        return "i64"

    def ptr_size(self) -> int:
        return 8


class HostHeap:
    """Gives out memory of the process until it is gone itself."""

    def __init__(self) -> None:
        self.blocks: list[Any] = []

    def allocate(self, size: int) -> int:
        block = (ctypes.c_uint64 * (size // 8 + 1))()
        ctypes.memset(block, SOURCE_FILLER, size)
        self.blocks.append(block)
        return ctypes.addressof(block)

    def __call__(self, _old: int, _old_size: int, _align: int, size: int) -> int:
        return self.allocate(size)


def word(value: int | float, core_type: str) -> int:
    """The bits of a core value of the reference."""
    match core_type:
        case "f32":
            return int.from_bytes(struct.pack("<f", value), "little")
        case "f64":
            return int.from_bytes(struct.pack("<d", value), "little")
        case _:
            assert isinstance(value, int)
            return value


def core_value(bits: int, core_type: str) -> int | float:
    """A core value for the reference."""
    match core_type:
        case "i32":
            return bits & 0xFFFF_FFFF
        case "f32":
            return struct.unpack("<f", (bits & 0xFFFF_FFFF).to_bytes(4, "little"))[0]
        case "f64":
            return struct.unpack("<d", bits.to_bytes(8, "little"))[0]
        case _:
            return bits

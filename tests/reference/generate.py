"""Random types and values, as the reference has them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

TEXTS = [
    "abcdefghijklmnopqrstuvwxyz 0123456789\0\x7f",
    "abc\x80\xe4\xf6\xfc\xdf\xff",
    "abc\xe4\u0100\u20ac\u3042\ud7ff\ue000\uffff",
    "a\xe4\u20ac\U00010000\U0001f600\U0010ffff",
]
CHARS = ["\0", "a", "\x7f", "\x80", "\xff", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"]
FLOATS = [0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan"), 1e-45, 5e-324, 3.4e38]
INTEGERS = {"U8Type": (8, False), "U16Type": (16, False), "U32Type": (32, False), "U64Type": (64, False)}
INTEGERS |= {"S8Type": (8, True), "S16Type": (16, True), "S32Type": (32, True), "S64Type": (64, True)}
KEYS = [*INTEGERS, "BoolType", "CharType", "StringType"]
PRIMITIVES = [*KEYS, "F32Type", "F64Type"]


class TypeGenerator:
    """Makes types that validation accepts; with handles only where there are `resources` for them."""

    def __init__(self, definitions: Any, rng: random.Random, resources: list[Any] | None = None) -> None:
        self.d = definitions
        self.rng = rng
        self.resources = resources or []
        makers = [self.list, self.list, self.fixed_list, self.record, self.record, self.tuple, self.variant]
        makers += [self.variant, self.enum, self.flags, self.option, self.option, self.result, self.map]
        self.makers: list[Callable[[int], Any]] = makers

    def type(self, depth: int, borrow: bool = False) -> Any:
        """A type that nests at most `depth` deep, with borrowed handles if `borrow`."""
        if depth > 0 and self.rng.random() < 0.75:
            return self.rng.choice(self.makers)(depth - 1)
        if self.resources and self.rng.random() < 0.5:
            return self.handle(depth - 1, borrow)
        return self.named(self.rng.choice([*PRIMITIVES, "StringType", "StringType"]))

    def optional(self, depth: int) -> Any:
        return self.type(depth) if self.rng.random() < 0.7 else None

    def handle(self, depth: int, borrow: bool) -> Any:
        d, rt = self.d, self.rng.choice(self.resources)
        match self.rng.choice(["own", "own", "error context", "stream", "future", "borrow", "borrow"]):
            case "stream":
                return d.StreamType(self.element(depth))
            case "future":
                return d.FutureType(self.element(depth))
            case "error context":
                return d.ErrorContextType()
            case "borrow" if borrow:
                return d.BorrowType(rt)
            case _:
                return d.OwnType(rt)

    def element(self, depth: int) -> Any:
        """What a stream or future may carry."""
        if depth < 0 or self.rng.random() < 0.2:
            return self.rng.choice([None, self.d.U8Type()])
        element = self.type(depth)
        return self.d.U8Type() if isinstance(element, self.d.CharType) else element

    def named(self, name: str) -> Any:
        return getattr(self.d, name)()

    def list(self, depth: int) -> Any:
        return self.d.ListType(self.type(depth))

    def fixed_list(self, depth: int) -> Any:
        return self.d.ListType(self.type(depth), self.rng.choice([1, 2, 3, 5, 17]) if depth < 2 else 2)

    def record(self, depth: int) -> Any:
        count = self.count()
        return self.d.RecordType([self.d.FieldType(f"f{i}", self.type(depth)) for i in range(count)])

    def tuple(self, depth: int) -> Any:
        return self.d.TupleType([self.type(depth) for _ in range(self.count())])

    def variant(self, depth: int) -> Any:
        count = 257 if self.rng.random() < 0.01 else self.count()
        return self.d.VariantType([self.d.CaseType(f"c{i}", self.optional(depth if i < 9 else 0)) for i in range(count)])

    def enum(self, _depth: int) -> Any:
        count = self.rng.choice([1, 2, 3, 5, 256, 257]) if self.rng.random() < 0.1 else self.count()
        return self.d.EnumType([f"e{i}" for i in range(count)])

    def flags(self, _depth: int) -> Any:
        return self.d.FlagsType([f"l{i}" for i in range(self.rng.choice([1, 3, 7, 8, 9, 16, 17, 31, 32]))])

    def option(self, depth: int) -> Any:
        return self.d.OptionType(self.type(depth))

    def result(self, depth: int) -> Any:
        return self.d.ResultType(self.optional(depth), self.optional(depth))

    def map(self, depth: int) -> Any:
        return self.d.MapType(self.named(self.rng.choice(KEYS)), self.type(depth))

    def count(self) -> int:
        return self.rng.choice([1, 2, 2, 3, 3, 4, 6])


class ValueGenerator:
    """Makes values. `handle` says what stands for a value of a type of handles."""

    def __init__(self, definitions: Any, rng: random.Random, handle: Callable[[Any], int] | None = None) -> None:
        self.d = definitions
        self.rng = rng
        self.handle = handle

    def value(self, t: Any) -> Any:
        d = self.d
        match d.despecialize(t):
            case d.BoolType():
                return self.rng.random() < 0.5
            case d.F32Type():
                return as_f32(self.float())
            case d.F64Type():
                return self.float()
            case d.CharType():
                return self.rng.choice(CHARS)
            case d.StringType():
                return self.string()
            case d.ListType(element, length):
                return [self.value(element) for _ in range(self.length() if length is None else length)]
            case d.RecordType(fields):
                return {f.label: self.value(f.t) for f in fields}
            case d.VariantType(cases):
                case = self.rng.choice(cases)
                return {case.label: None if case.t is None else self.value(case.t)}
            case d.FlagsType(labels):
                return {label: self.rng.random() < 0.5 for label in labels}
            case d.PrimValType():
                return self.integer(*INTEGERS[type(t).__name__])
            case _:
                assert self.handle is not None
                return self.handle(t)

    def length(self) -> int:
        return self.rng.choice([0, 0, 1, 1, 2, 3, 5])

    def integer(self, bits: int, signed: bool) -> int:
        low = -(1 << bits - 1) if signed else 0
        edges = [low, low + 1, 0, 1, low + (1 << bits) - 1]
        return self.rng.choice(edges) if self.rng.random() < 0.5 else low + self.rng.getrandbits(bits)

    def float(self) -> float:
        return self.rng.choice(FLOATS) if self.rng.random() < 0.7 else self.rng.uniform(-1e9, 1e9)

    def string(self) -> tuple[str, str, int]:
        alphabet = self.rng.choice(TEXTS)
        length = self.rng.choice([0, 1, 2, 3, 5, 8, 40])
        text = "".join(self.rng.choice(alphabet) for _ in range(length))
        if self.rng.random() < 0.3:  # where encodings change their mind late
            text = "x" * self.rng.randrange(20) + text
        return text, "utf8", len(text.encode())


def as_f32(value: float) -> float:
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return value * 0.0

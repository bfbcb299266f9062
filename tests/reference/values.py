"""Types and values without handles: layouts, storing, loading, copying, lifting and lowering.

The library's side is `cmabi_type_*`, `cmabi_func_type_flatten` and `cmabi_value_*`. Each case is one
random type, or function type, whose layout is compared, and one random way to move a value of it. A
value of the host's is written and read by the reference too: to it the process is one more memory,
with 8-byte pointers and UTF-8.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from ctypes import byref, c_uint64
from functools import partial
from typing import Any

from compare import TRAPPED, Difference, expect
from generate import TypeGenerator, ValueGenerator
from guest import Guest, contents, context, damage
from layout import compare_layout, compare_signatures, flatten
from library import ENCODINGS, HOST, TRAP, Failure, Library, TypeBuilder
from memory import SOURCE_FILLER, Allocator, HostHeap, Memory, ProcessMemory, core_value, word
from specification import Specification


class ValueCase:
    """One case. All that is random in it comes from `seed`."""

    def __init__(self, specification: Specification, library: Library, seed: str, depth: int) -> None:
        self.d = specification.definitions
        self.library = library
        self.seed = seed
        self.depth = depth
        self.rng = random.Random(seed)
        self.heap = HostHeap()
        self.host = context(self.d, ProcessMemory(), "utf8", self.heap)
        self.arena = library.new("arena_new", 0)
        self.builder = TypeBuilder(library, self.d)
        self.types = TypeGenerator(self.d, self.rng)
        self.values = ValueGenerator(self.d, self.rng)
        self.notes: list[str] = []

    def run(self) -> str | None:
        """What differs, and in which case."""
        try:
            if self.rng.random() < 0.4:
                self.function_case()
            else:
                self.type_case()
        except Difference as difference:
            return "\n".join([*self.notes, str(difference)])
        except (Failure, AssertionError) as error:
            return "\n".join([*self.notes, f"{type(error).__name__} {error}"])
        finally:
            self.builder.free()
            self.library.arena_free(self.arena)
        return None

    def note(self, what: str, value: Any) -> Any:
        self.notes.append(f"{what}: {value}")
        return value

    # What both sides do.

    def by_reference(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except self.d.Trap:
            return TRAPPED

    def by_library(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Failure as failure:
            if failure.status not in (TRAP, HOST):
                raise
            return TRAPPED

    def value(self, t: Any) -> Any:
        return self.note("value", self.values.value(t))

    def options(self, what: str) -> tuple[str, str]:
        """Address type and string encoding."""
        return self.note(what, (self.rng.choice(["i32", "i64"]), self.rng.choice(ENCODINGS)))

    def guest(self, options: tuple[str, str], size: int, start: int, mischief: bool) -> Guest:
        memory = Memory(size, options[0])
        return Guest(self.d, memory, options[1], Allocator(memory, self.seed, start, mischief))

    def receivers(self, what: str, size: int) -> tuple[Guest, Guest]:
        """The same guest twice, with `size` bytes that `realloc` does not give out."""
        options, mischief = self.options(what), self.rng.random() < 0.2
        total = size + self.rng.choice([0, 8, 64, 512])
        return self.guest(options, total, size, mischief), self.guest(options, total, size, mischief)

    def sender(self, what: str, size: int = 0) -> Guest:
        """A guest that does not misbehave."""
        address_type, encoding = self.options(what)
        memory = Memory(-(-size // 8) * 8, address_type, SOURCE_FILLER)
        return Guest(self.d, memory, encoding, Allocator(memory, self.seed, size))

    def twin(self, guest: Guest) -> Guest:
        """The same for the library, after perhaps some damage to both."""
        if len(guest.memory) % 8:
            guest.memory.grow(-len(guest.memory) % 8)
        if len(guest.memory) and self.rng.random() < 0.4:
            self.note("damaged", True)
            damage(self.rng, guest.memory)
        memory = Memory(len(guest.memory), guest.address_type)
        memory.bytes[:] = guest.memory.bytes
        return Guest(self.d, memory, guest.encoding, Allocator(memory, self.seed))

    def place(self, t: Any, address_type: str) -> tuple[int, int]:
        """Somewhere for a value: the address, and where the value ends."""
        place = self.rng.choice([0, 8, 8, 24]) + self.rng.randrange(2) * self.d.alignment(t, address_type)
        return place, place + self.d.elem_size(t, address_type)

    def to_host(self, value: Any, t: Any) -> int:
        """The address of a value of the host's."""
        place = self.heap.allocate(self.d.elem_size(t, "i64"))
        self.d.store(self.host, value, t, place)
        return place

    def from_host(self, place: int, t: Any) -> Any:
        try:
            return self.d.load(self.host, place, t)
        except self.d.Trap:
            raise Difference("the library gave the host what is no value") from None

    def host_place(self, t: Any) -> int:
        return self.heap.allocate(self.d.elem_size(t, "i64"))

    def expect_stored(self, guests: tuple[Guest, Guest], places: dict[int, int]) -> None:
        reference, library = guests
        expect("calls of realloc", reference.allocator.calls, library.allocator.calls)
        expect("bytes", *(data.hex() for data in contents(reference, library, places)))

    # Types.

    def type_case(self) -> None:
        t = self.types.type(self.depth)
        pointer = self.builder.type(t)
        self.note("type", self.library.type_text(pointer).text())
        compare_layout(self.d, self.library, t, pointer)
        ways = [self.store, self.load, self.copy, self.copy]
        if len(flatten(self.d, [t], "i32")) <= self.d.MAX_FLAT_PARAMS:
            ways += [self.lift_flat, self.lower_flat]
        way = self.rng.choice(ways)
        self.note("way", way.__name__)
        way(t, pointer)

    def store(self, t: Any, pointer: int) -> None:
        value = self.value(t)
        place, end = self.place(t, "i64")
        guests = reference, library = self.receivers("to", end)
        host = self.to_host(value, t)
        self.compare_stores(
            guests,
            {place: self.d.elem_size(t, reference.address_type)},
            lambda: self.d.store(reference.context(), value, t, place),
            lambda: self.library.value_store(pointer, host, library.options(), place),
        )

    def compare_stores(
        self,
        guests: tuple[Guest, Guest],
        places: dict[int, int],
        by_reference: Callable[[], Any],
        by_library: Callable[[], Any],
    ) -> bool:
        """Whether there was no trap; then `places` and what `realloc` gave out are the same."""
        outcome = self.by_reference(by_reference)
        expect("outcome", outcome, self.by_library(by_library))
        if outcome != TRAPPED:
            self.expect_stored(guests, places)
        return bool(outcome != TRAPPED)

    def load(self, t: Any, pointer: int) -> None:
        place, end = self.place(t, "i64")
        reference = self.sender("from", end)
        self.d.store(reference.sending_context(self.rng), self.value(t), t, place)
        library, host = self.twin(reference), self.host_place(t)

        def load() -> Any:
            self.library.value_load(pointer, library.options(), place, host, self.arena)
            return self.from_host(host, t)

        loaded = self.by_reference(lambda: self.d.load(reference.context(), place, t))
        expect("loaded", loaded, self.by_library(load))

    def copy(self, t: Any, pointer: int) -> None:
        d = self.d
        place, end = self.place(t, "i64")
        source = self.sender("from", end)
        d.store(source.sending_context(self.rng), self.value(t), t, place)
        copied = self.twin(source)
        before = bytes(copied.memory.bytes)
        to, end = self.place(t, "i64")
        guests = reference, library = self.receivers("to", end)

        def by_reference() -> None:
            d.store(reference.context(), d.load(source.context(), place, t), t, to)

        def by_library() -> None:
            self.library.value_copy(pointer, copied.options(), place, library.options(), to)

        if "damaged: True" not in self.notes:
            self.compare_stores(guests, {to: d.elem_size(t, reference.address_type)}, by_reference, by_library)
        else:  # there may be NaNs now, which need not be the same
            outcome = self.by_reference(by_reference)
            expect("outcome", outcome, self.by_library(by_library))
            if outcome != TRAPPED:
                expect("calls of realloc", reference.allocator.calls, library.allocator.calls)
                # A `realloc` that misbehaves can make this trap, too.
                expect("copied", *(self.by_reference(partial(d.load, guest.context(), to, t)) for guest in guests))
        expect("source after", before.hex(), copied.memory.bytes.hex())

    def lift_flat(self, t: Any, pointer: int) -> None:
        d = self.d
        reference = self.sender("from")
        types = flatten(d, [t], reference.address_type)
        words = self.words(d.lower_flat(reference.sending_context(self.rng), self.value(t), t), types)
        library, host = self.twin(reference), self.host_place(t)

        def lift() -> Any:
            self.library.value_lift_flat(pointer, library.options(), words, len(words), host, self.arena)
            return self.from_host(host, t)

        values = [core_value(bits, core_type) for bits, core_type in zip(words, types)]
        lifted = self.by_reference(lambda: d.lift_flat(reference.context(), d.CoreValueIter(values), t))
        expect("lifted", lifted, self.by_library(lift))

    def words(self, values: list[Any], types: list[str]) -> Any:
        """Core values for both sides, sometimes damaged, with noise above those of 32 bits."""
        words = [word(value, core_type) for value, core_type in zip(values, types)]
        if words and self.rng.random() < 0.3:
            at = self.rng.randrange(len(words))
            words[at] = self.rng.choice([0, 1, 2, 5, words[at] ^ 1, self.rng.getrandbits(64), 0xFFFF_FFFF])
        if self.rng.random() < 0.5:
            noise = self.rng.getrandbits(32) << 32
            words = [bits if core_type.endswith("64") else bits % (1 << 32) | noise for bits, core_type in zip(words, types)]
        self.note("core values", [f"{bits:x}" for bits in words])
        return (c_uint64 * len(words))(*words)

    def lower_flat(self, t: Any, pointer: int) -> None:
        value = self.value(t)
        guests = reference, library = self.receivers("to", 0)
        types = flatten(self.d, [t], reference.address_type)
        host, words = self.to_host(value, t), (c_uint64 * len(types))()
        lowered: list[Any] = []
        if self.compare_stores(
            guests,
            {},
            lambda: lowered.extend(self.d.lower_flat(reference.context(), value, t)),
            lambda: self.library.value_lower_flat(pointer, host, library.options(), words, len(words)),
        ):
            expect("lowered", [word(*pair) for pair in zip(lowered, types)], list(words))

    # Functions.

    def function_case(self) -> None:
        d = self.d
        count = self.rng.choice([0, 1, 1, 2, 3, 5, 17])
        params = [(f"p{i}", self.types.type(self.depth - 1 if count < 5 else 1)) for i in range(count)]
        result = self.types.optional(self.depth - 1)
        ft = d.FuncType(params, [] if result is None else [result], self.rng.random() < 0.5)
        pointer = self.builder.func_type(ft)
        self.note("type", self.library.func_type_text(pointer).text())
        compare_signatures(d, self.library, ft, pointer)
        way = self.rng.choice([self.lift_values, self.lower_values])
        self.note("way", way.__name__)
        if ft.params and (not ft.result or self.rng.random() < 0.5):
            way(pointer, "params", ft.param_types())
        elif ft.result:
            way(pointer, "results", ft.result_type())

    def lift_values(self, pointer: int, what: str, types: list[Any]) -> None:
        d = self.d
        max_flat = self.note("at most", self.rng.choice([16, 4] if what == "params" else [1, 16]))
        reference = self.sender("from")
        values = [self.value(t) for t in types]
        flat = d.lower_flat_values(reference.sending_context(self.rng), max_flat, values, types)
        core_types = self.passed_as(types, reference.address_type, max_flat)
        words = self.words(flat, core_types)
        library, whole = self.twin(reference), self.whole(what, types)
        host = self.host_place(whole)
        lift = getattr(self.library, f"value_lift_flat_{what}")

        def by_library() -> list[Any]:
            lift(pointer, library.options(), max_flat, words, len(words), host, self.arena)
            value = self.from_host(host, whole)
            return list(value.values()) if what == "params" else [value]

        core_values = [core_value(bits, core_type) for bits, core_type in zip(words, core_types)]
        lifted = self.by_reference(
            lambda: d.lift_flat_values(reference.context(), max_flat, d.CoreValueIter(core_values), types)
        )
        expect("lifted", lifted, self.by_library(by_library))

    def lower_values(self, pointer: int, what: str, types: list[Any]) -> None:
        d = self.d
        values = [self.value(t) for t in types]
        whole = self.whole(what, types)
        host = self.to_host({str(i): v for i, v in enumerate(values)} if what == "params" else values[0], whole)
        max_flat = self.note("at most", 16 if what == "params" else self.rng.choice([0, 1]))
        place, end = self.place(whole, "i64")
        if self.rng.random() < 0.1:
            place = self.rng.randrange(end + 8)
        guests = reference, library = self.receivers("to", end)
        core_types = self.passed_as(types, reference.address_type, max_flat)
        is_spilled = len(flatten(d, types, reference.address_type)) > max_flat
        out_param = self.note("to", place) if what == "results" and self.rng.random() < 0.7 else None
        if is_spilled and out_param is not None:
            core_types = []
        words = (c_uint64 * len(core_types))()
        lowered: list[Any] = []

        def by_reference() -> None:
            out = None if out_param is None else d.CoreValueIter([out_param])
            lowered.extend(d.lower_flat_values(reference.context(), max_flat, values, types, out))

        def by_library() -> None:
            if what == "params":
                self.library.value_lower_flat_params(pointer, host, library.options(), max_flat, words, len(words))
            else:
                out = None if out_param is None else byref(c_uint64(out_param))
                self.library.value_lower_flat_results(
                    pointer, host, library.options(), max_flat, out, words, len(words)
                )

        places = {}
        if is_spilled and out_param is not None:
            places[place] = d.elem_size(whole, reference.address_type)
        if self.compare_stores(guests, places, by_reference, by_library):
            expect("lowered", [word(*pair) for pair in zip(lowered, core_types)], list(words))

    def passed_as(self, types: list[Any], address_type: str, max_flat: int) -> list[str]:
        flat = flatten(self.d, types, address_type)
        return flat if len(flat) <= max_flat else [address_type]

    def whole(self, what: str, types: list[Any]) -> Any:
        """What the host has for parameters and results."""
        return self.d.TupleType(types) if what == "params" else types[0]

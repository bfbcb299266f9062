"""What tasks and threads have in common: calls with their results, values, handles and events."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

from canon import Call, Options
from generate import ValueGenerator
from layout import flatten
from memory import core_value, word
from play import Handle, Instance, Play, Steps, Task, guest_context
from scenario import handle_types, handles_in, plain

SUBTASK, STREAM_READ, FUTURE_READ, TASK_CANCELLED = 1, 2, 4, 6
RETURNED = 2
COMPLETED, DROPPED = 0, 1
BLOCKED = 0xFFFF_FFFF


class Unavailable(Exception):
    """There is no handle for a value."""


class Frame:
    """A thread of a task. `tag` is its number, which for the first thread is the task's."""

    def __init__(self, play: Play, task: Task, tag: int) -> None:
        self.play = play
        self.d = play.d
        self.task = task
        self.tag = tag
        self.instance: Instance = task.instance

    @property
    def guest(self) -> Any:
        return self.instance.guest

    @property
    def handles(self) -> dict[int, Handle]:
        return self.instance.handles

    def do(self, name: str, *args: Any) -> Steps:
        result = yield Call(self.tag, name, args)
        self.play.remaining -= 1
        self.play.record(self.tag, name, list(args), result)
        return result

    def options(self, is_async: bool) -> Options:
        return Options(is_async, self.guest.encoding)

    # Values in the guest's memory.

    def lower(self, max_flat: int, values: list[Any], types: list[Any]) -> list[int]:
        plain_types = [plain(self.d, t) for t in types]
        cx = guest_context(self.d, self.instance)
        flat = self.d.lower_flat_values(cx, max_flat, values, plain_types)
        return [word(*pair) for pair in zip(flat, self.core_types(max_flat, plain_types))]

    def lift(self, max_flat: int, words: list[int], types: list[Any]) -> list[Any]:
        plain_types = [plain(self.d, t) for t in types]
        core_types = self.core_types(max_flat, plain_types)
        flat = self.d.CoreValueIter([core_value(*pair) for pair in zip(words, core_types)])
        values: list[Any] = self.d.lift_flat_values(guest_context(self.d, self.instance), max_flat, flat, plain_types)
        self.receive(types, values)
        return values

    def core_types(self, max_flat: int, types: list[Any]) -> list[str]:
        flat = flatten(self.d, types, self.guest.address_type)
        return flat if len(flat) <= max_flat else [self.guest.address_type]

    def store(self, t: Any, value: Any, place: int) -> None:
        self.d.store(guest_context(self.d, self.instance), value, plain(self.d, t), place)

    def load(self, t: Any, place: int) -> Any:
        value = self.d.load(guest_context(self.d, self.instance), place, plain(self.d, t))
        self.receive([t], [value])
        return value

    def size(self, t: Any) -> int:
        return int(self.d.elem_size(t, self.guest.address_type))

    def alignment(self, t: Any) -> int:
        return int(self.d.alignment(t, self.guest.address_type))

    def receive(self, types: list[Any], values: list[Any]) -> None:
        """Takes up the handles that values hold."""
        d = self.d
        for handle_type, index in (h for t, v in zip(types, values) for h in handles_in(d, t, v)):
            match handle_type:
                case d.OwnType():
                    self.handles[index] = Handle("own", handle_type)
                case d.BorrowType(rt):
                    if self.play.scenario.resource(rt).instance != self.instance.number:
                        self.handles[index] = Handle("borrow", handle_type, task=self.task.tag)
                case d.ErrorContextType():
                    self.handles[index] = Handle("error-context", handle_type)
                case _:
                    self.handles[index] = Handle("readable", handle_type)

    def values(self, rng: random.Random, types: list[Any]) -> Steps:
        """Values of the types, None where there are no handles for them. What is not borrowed is no
        longer the guest's."""
        for t in types:
            for handle_type in handle_types(self.d, t):
                if self.find(handle_type) is None or rng.random() < 0.3:
                    yield from self.create(rng, handle_type)
        used: list[int] = []

        def use(t: Any) -> int:
            index = self.find(t, used)
            if index is None:
                raise Unavailable
            if not isinstance(t, self.d.BorrowType | self.d.ErrorContextType):
                used.append(index)
            return index

        generator = ValueGenerator(self.d, rng, use)
        try:
            values = [generator.value(t) for t in types]
        except Unavailable:
            return None
        for index in used:
            del self.handles[index]
        return values

    def find(self, t: Any, used: list[int] | None = None) -> int | None:
        """A handle that can be passed as `t`."""
        d = self.d
        kinds = {d.OwnType: ("own",), d.BorrowType: ("own", "borrow"), d.ErrorContextType: ("error-context",)}
        for index, handle in self.handles.items():
            if handle.kind not in kinds.get(type(t), ("readable",)) or index in (used or []):
                continue
            is_free = not (handle.is_joined or handle.is_busy or handle.is_done)
            is_right = handle.type.rt is t.rt if isinstance(t, d.BorrowType) else handle.type == t
            if is_free and is_right:
                return index
        return None

    def create(self, rng: random.Random, t: Any) -> Steps:
        """Makes a handle of the type, if this instance can."""
        d = self.d
        match t:
            case d.OwnType(rt) | d.BorrowType(rt):
                if self.play.scenario.resource(rt).instance == self.instance.number:
                    index = yield from self.do("resource.new", rt, rng.getrandbits(32))
                    self.handles[index] = Handle("own", d.OwnType(rt))
            case d.ErrorContextType():
                index = yield from self.do("error-context.new", self.options(False), 0, 0)
                self.handles[index] = Handle("error-context", t)
            case _:
                channel = "stream" if isinstance(t, d.StreamType) else "future"
                ends = yield from self.do(f"{channel}.new", t.t)
                readable, writable = ends & 0xFFFF_FFFF, ends >> 32
                self.handles[readable] = Handle("readable", t, peer=writable)
                self.handles[writable] = Handle("writable", t, peer=readable)

    # Calls.

    def call(self, rng: random.Random, number: int, is_async: bool) -> Steps:
        """Calls a function. Whether it did."""
        d, ft = self.d, self.play.scenario.functions[number].type
        tag = zlib.crc32(f"{self.tag}/{self.play.steps[self.tag]}".encode())
        values = yield from self.values(rng, ft.param_types()[1:])
        if values is None:
            return False
        words = self.lower(4 if is_async else 16, [tag, *values], ft.param_types())
        place = 0
        is_spilled = len(flatten(d, ft.result_type(), self.guest.address_type)) > (0 if is_async else 1)
        if is_spilled:
            [result] = ft.result
            place = self.instance.take(self.alignment(result), self.size(result))
            words.append(place)
        results = yield from self.do("call", number, is_async, tag, words)
        if not is_async:
            if is_spilled:
                self.play.record(self.tag, "result", self.load(ft.result[0], place))
            else:
                self.play.record(self.tag, "result", self.lift(1, results, ft.result_type()))
            return True
        [packed] = results
        if packed == RETURNED:
            self.receive_result(ft, place)
        else:
            self.handles[packed >> 4] = Handle("subtask", ft, is_busy=True, place=place)
        return True

    def receive_result(self, ft: Any, place: int) -> None:
        if ft.result:
            self.play.record(self.tag, "result", self.load(ft.result[0], place))

    # Events.

    def do_event(self, name: str, index: int) -> Steps:
        """Waits for or polls a set."""
        place = self.instance.take(4, 8)
        code = yield Call(self.tag, name, (None, index, place))
        self.play.remaining -= 1
        numbers = [int.from_bytes(self.guest.memory[at : at + 4], "little") for at in (place, place + 4)]
        self.play.record(self.tag, name, [index], [code, *numbers])
        self.take_event(code, *numbers)

    def take_event(self, code: int, index: int, number: int) -> None:
        handle = self.handles.get(index)
        if code == TASK_CANCELLED:
            self.task.is_cancelled = True
        elif handle is not None and code == SUBTASK:
            self.subtask_progressed(handle, number)
        elif handle is not None and code:
            self.copied(handle, number)

    def subtask_progressed(self, handle: Handle, state: int) -> None:
        handle.is_busy, handle.is_done = state < RETURNED, state >= RETURNED
        if state == RETURNED:
            self.receive_result(handle.type, handle.place)

    def copied(self, handle: Handle, packed: int) -> None:
        """Takes up what a read or write reports."""
        is_future = isinstance(handle.type, self.d.FutureType)
        result, count = packed & 0xF, packed >> 4
        if is_future:
            count = 1 if result == COMPLETED else 0
        handle.is_busy = False
        handle.is_done = result == DROPPED or (is_future and result == COMPLETED)
        if handle.kind == "readable" and handle.type.t is not None:
            size = self.size(handle.type.t)
            values = [self.load(handle.type.t, handle.place + i * size) for i in range(count)]
            self.play.record(self.tag, "read", values)

    def pick(self, rng: random.Random, is_right: Callable[[Handle], bool]) -> int | None:
        """A handle of the guest's that is right, or rarely any number."""
        if rng.random() < 0.01:
            return rng.choice([0, 1, 2, 3, 4, 1000, 1 << 28, BLOCKED, *self.handles])
        right = [index for index, handle in self.handles.items() if is_right(handle)]
        return rng.choice(right) if right else None

"""A play as the reference performs it, with the order of threads and events that the library chose.

The specification leaves it open which of the ready threads runs next and which event of a set is
delivered first. So the library goes first. Where the reference would draw at random, the library's
log says what it did, which must be among what the reference allows.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import tasks
from canon import BUILTINS, Call, Options, function_name
from compare import TRAPPED
from layout import flatten
from memory import core_value, word
from play import ALLOCATING, Play, Steps
from scenario import Function
from specification import Specification

MAIN = 1
"""The number of the task that the host starts."""


class ReferencePlayer:
    def __init__(self, specification: Specification, play: Play, library_log: list[list[Any]]) -> None:
        self.specification = specification
        self.d = d = specification.definitions
        self.play = play
        self.library_log = library_log
        self.store = d.Store()
        self.instances: list[Any] = []
        self.instances.extend(d.ComponentInstance(self.store) for _ in play.scenario.instances)
        for number, resource in enumerate(play.scenario.resources):
            resource.type.impl = self.instances[resource.instance]
            dtor = partial(self.core, tasks.destructor, number, resource.instance, ["i32"], [])
            resource.type.dtor = dtor if resource.has_dtor else None
        self.functions = [self.lift(number, f) for number, f in enumerate(play.scenario.functions)]
        self.thread_tables = [self.thread_table(number) for number in range(len(self.instances))]
        self.calling = 0
        self.tags: dict[Any, int] = {}
        """The task's number by its `on_start`, and that of a thread that is not its first."""

    # Making things.

    def options(self, instance: int, options: Options) -> Any:
        guest = self.play.instances[instance].guest
        address_type = guest.address_type
        realloc = partial(self.core, tasks.realloc, instance, instance, [address_type] * 4, [address_type])
        made = self.d.CanonicalOptions(options.encoding, guest.memory, realloc)
        made.async_ = options.is_async
        return made

    def lift(self, number: int, function: Function) -> Any:
        instance = function.instance
        options = self.options(instance, Options(function.is_async, self.play.instances[instance].guest.encoding))
        if function.abi == "callback":
            options.callback = partial(self.core, tasks.callback, number, instance, ["i32"] * 3, ["i32"])
        core = self.d.flatten_functype(options, function.type, "lift")
        if function.has_post_return:
            options.post_return = partial(self.core, tasks.post_return, number, instance, core.results, [])
        callee = partial(self.core, tasks.function, number, instance, core.params, core.results)
        lifted = self.store.lift(callee, function.type, options, self.instances[instance])

        def tagged(on_start: Any, on_resolve: Any) -> Any:
            self.tags[on_start] = self.calling
            return lifted(on_start, on_resolve)

        return tagged

    def thread_table(self, instance: int) -> Any:
        """As in the library: a null, a function of the right type, one of another."""
        d, table = self.d, self.d.Table()
        for core_type in ("i32", "i64"):
            callee = partial(self.core, tasks.thread, 0, instance, [core_type], [])
            table.add(d.CoreFuncRef(d.CoreFuncType([core_type], []), callee))
        return table

    # Running.

    def run(self) -> bool:
        """Whether the reference says what happens. It fails with an assertion where it does not."""
        self.specification.choices.scheduler = self
        try:
            self.start()
        except self.d.Trap:
            self.play.end(None, "end", TRAPPED)
        except AssertionError:
            return False
        finally:
            self.play.is_over = True
            self.specification.choices.scheduler = None
            self.specification.stacks.abandon()
        return True

    def start(self) -> None:
        returned = False

        def on_start() -> list[int]:
            return [MAIN]

        def on_resolve(_result: Any) -> None:
            nonlocal returned
            returned = True

        self.calling = MAIN
        self.store.invoke(self.functions[0], on_start, on_resolve)
        while any(thread.ready() for thread in self.store.waiting):
            self.store.tick()
        self.play.end(None, "end", "returned" if returned else "blocked")

    def core(
        self, body: Any, number: int, instance: int, params: list[str], results: list[str], flat_args: list[Any]
    ) -> list[Any]:
        """A core function."""
        words = [word(int(v) if t[0] == "i" else v, t) for v, t in zip(flat_args, params, strict=True)]
        returned = self.drive(instance, body(self.play, number, words))
        if returned and returned[0] is None:
            raise self.d.Trap
        return [core_value(*pair) for pair in zip(returned, results, strict=True)]

    def drive(self, instance: int, steps: Steps) -> list[Any]:
        result = None
        while True:
            try:
                call = steps.send(result)
            except StopIteration as stop:
                return list(stop.value)
            try:
                result = self.perform(instance, call)
            except self.d.Trap:
                self.play.end(call.tag, call.name, TRAPPED)
                raise

    def perform(self, instance: int, call: Call) -> Any:
        if call.name == "call":
            return self.call(instance, *call.args)
        kinds, bits = BUILTINS[call.name]
        args = [self.argument(instance, call, *pair) for pair in zip(kinds, call.args, strict=True)]
        results = getattr(self.d, function_name(call.name))(*args)
        if call.name == "thread.new-indirect":
            self.tags[self.instances[instance].threads.get(results[0])] = call.args[-1]
        return int(results[0]) if bits else None

    def argument(self, instance: int, call: Call, kind: str, value: Any) -> Any:
        match kind:
            case "element":
                return (self.d.StreamType if call.name.startswith("stream") else self.d.FutureType)(value)
            case "options":
                return self.options(instance, value)
            case "words":
                types = flatten(self.d, call.args[0], self.play.instances[instance].guest.address_type)
                if len(types) > self.d.MAX_FLAT_PARAMS:
                    types = [self.play.instances[instance].guest.address_type]
                return [core_value(*pair) for pair in zip(value, types)]
            case "memory":
                return self.play.instances[instance].guest.memory
            case "table":
                return self.thread_tables[instance]
            case "thread type":
                return self.d.CoreFuncType([value], [])
            case _:
                return value

    def call(self, instance: int, number: int, is_async: bool, tag: int, words: list[int]) -> list[int]:
        ft = self.play.scenario.functions[number].type
        options = self.options(instance, Options(is_async, self.play.instances[instance].guest.encoding))
        core = self.d.flatten_functype(options, ft, "lower")
        lowered = self.store.lower(self.functions[number], ft, options, self.instances[instance])
        self.calling = tag
        results = lowered([core_value(*pair) for pair in zip(words, core.params, strict=True)])
        return [word(int(v) if t[0] == "i" else v, t) for v, t in zip(results, core.results, strict=True)]

    # Choosing as the library did.

    def tag_of(self, thread: Any) -> int | None:
        return self.tags.get(thread, self.tags.get(thread.task.on_start))

    def choose_thread(self, candidates: list[Any]) -> Any:
        for tag, what, *_ in self.library_log[len(self.play.log) :]:
            nobodys = [thread for thread in candidates if self.tag_of(thread) is None]
            if nobodys and tag is None and what == "destructor: thread.yield":
                return nobodys[0]
            if tag is not None and tag != ALLOCATING:
                return next((thread for thread in candidates if self.tag_of(thread) == tag), candidates[0])
        # Only a thread that traps before it enters the guest leaves no trace of its own.
        entering = [thread for thread in candidates if thread.index is None]
        assert len(entering) <= 1, "nobody can tell which one it was"
        return (entering or candidates)[0]

    def order_waitables(self, waitables: list[Any]) -> None:
        """Puts the one first whose event the library delivered."""
        entries = self.library_log[len(self.play.log) :]
        index = next((entry[-1][1] for entry in entries[:1] if is_event(entry)), None)
        handles = self.d.current_instance().handles.array
        waitables.sort(key=lambda waitable: handles.index(waitable) != index)


def is_event(entry: list[Any]) -> bool:
    return entry[1].startswith(("waitable-set.", "callback")) and entry[-1] != TRAPPED

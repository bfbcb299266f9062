"""A play as the library performs it, with core functions that are this program's."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, addressof, byref, c_bool, c_uint32, c_uint64, c_void_p, cast
from pathlib import Path
from typing import Any

import tasks
from canon import BUILTINS, Call, Options, function_name
from compare import TRAPPED
from layout import ABIS, ADDRESS_TYPES, CONTEXTS, core_types
from library import (
    CORE_TYPES,
    ENCODINGS,
    OK,
    TRAP,
    CanonOptions,
    CoreFuncType,
    CoreSignature,
    Failure,
    Library,
    String,
    TypeBuilder,
)
from by_reference import MAIN
from play import Play, Steps
from scenario import Function


DEADLOCK = "deadlock detected"
"""How the message begins where a call can never return, which the reference leaves as it is."""

ABANDONED = "abandoned"
"""What the message says where a function has to end because of a trap elsewhere."""


class Step(Structure):
    _fields_ = [("call", c_void_p), ("status", c_uint32), ("args", c_uint64 * 8)]


ENTER = CFUNCTYPE(c_uint64, c_uint64, POINTER(c_uint64))
NEXT = CFUNCTYPE(None, c_uint64, c_uint32, POINTER(Step))


class CoreFunction(Structure):
    _fields_ = [("number", c_uint64), ("enter", ENTER), ("next", NEXT), ("has_result", c_bool)]


def build_core_functions() -> Any:
    """The part that is in C."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "core_function.so"
        source = Path(__file__).with_name("core_function.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", built, source], check=True)
        return ctypes.CDLL(str(built))


class Activation:
    """A core function that runs, or is suspended."""

    def __init__(self, steps: Steps, instance: int) -> None:
        self.steps = steps
        self.instance = instance
        self.call: Call | None = None
        self.result = (c_uint64 * 1)()
        self.error = c_void_p()
        self.kept: list[Any] = []
        """What the arguments of the last call point to."""


class LibraryPlayer:
    def __init__(self, library: Library, core_functions: Any, play: Play, schedule_seed: int | None) -> None:
        self.library = library
        self.core_functions = core_functions
        self.play = play
        self.d = play.d
        self.builder = TypeBuilder(library, play.d)
        self.types: dict[int, tuple[Any, int]] = {}
        """The library's type by the address of the reference's, which is kept."""
        self.activations: list[Activation | None] = []
        self.bodies: list[tuple[Any, int, int, int]] = []
        self.failure: BaseException | None = None
        self.kept: list[Any] = []
        self.callbacks = ENTER(self.enter), NEXT(self.next)
        self.lowered: dict[tuple[int, int, bool], tuple[int, int]] = {}
        self.made_options: dict[tuple[int, Options], CanonOptions] = {}

        config = library.new("config_new")
        library.config_set_deterministic(config, True)
        if schedule_seed is not None:
            library.config_set_schedule_seed(config, schedule_seed)
        engine = library.new("engine_new_native", config)
        self.store = library.new("store_new", engine, config)
        library.engine_free(engine)
        library.config_free(config)
        self.functions: list[int] = []
        self.arena = library.new("arena_new", 0)

    def free(self) -> None:
        for function in self.functions:
            self.library.func_free(function)
        self.library.store_free(self.store)
        self.library.arena_free(self.arena)
        self.builder.free()

    # Making things.

    def build(self) -> None:
        library, scenario = self.library, self.play.scenario
        self.instances: list[int] = []
        self.memories: list[int] = []
        self.reallocs: list[int] = []
        self.tables: list[int] = []
        for number, made in enumerate(scenario.instances):
            parent = 0 if made.parent is None else self.instances[made.parent]
            name = String.of(f"instance {number}")
            self.instances.append(library.number("component_instance_new", self.store, parent, name))
            self.memories.append(self.memory(number, made.address_type))
            address_type = [made.address_type]
            self.reallocs.append(self.core(tasks.realloc, number, number, address_type * 4, address_type))
            self.tables.append(self.thread_table(number))
        for number, resource in enumerate(scenario.resources):
            dtor = self.core(tasks.destructor, number, resource.instance, ["i32"], []) if resource.has_dtor else 0
            implementer = self.instances[resource.instance]
            library.canon_define_resource(self.store, implementer, self.builder.resource(resource.type), dtor)
        for number, function in enumerate(scenario.functions):
            self.functions.append(self.lift(number, function))

    def memory(self, number: int, address_type: str) -> int:
        location = self.play.instances[number].guest.memory.location
        memory_data = cast(self.core_functions.core_memory_data, c_void_p)
        place = byref(location)
        return self.library.number(
            "core_memory_new", self.store, address_type == "i64", memory_data, place, None
        )

    def core(self, body: Any, number: int, instance: int, params: list[str], results: list[str]) -> int:
        """A core function whose code is `body`."""
        function = CoreFunction(len(self.bodies), *self.callbacks, bool(results))
        self.bodies.append((body, number, instance, len(params)))
        self.kept.append(function)
        call = cast(self.core_functions.core_function_call, c_void_p)
        core_type = byref(self.core_func_type(params, results))
        return self.library.number("core_func_new", self.store, core_type, call, byref(function), None)

    def core_func_type(self, params: list[str], results: list[str]) -> CoreFuncType:
        arrays = [(c_uint32 * len(types))(*map(CORE_TYPES.index, types)) for types in (params, results)]
        made = CoreFuncType(arrays[0], len(params), arrays[1], len(results))
        self.kept.append((made, arrays))
        return made

    def thread_table(self, number: int) -> int:
        functions = [0] + [self.core(tasks.thread, 0, number, [core_type], []) for core_type in ("i32", "i64")]
        array = (c_uint32 * len(functions))(*functions)
        return self.library.number("core_table_new", self.store, array, len(functions))

    def options(self, instance: int, options: Options) -> CanonOptions:
        made = CanonOptions(ctypes.sizeof(CanonOptions), ENCODINGS.index(options.encoding))
        made.memory, made.realloc, made.is_async = self.memories[instance], self.reallocs[instance], options.is_async
        return made

    def lift(self, number: int, function: Function) -> int:
        instance = function.instance
        options = self.options(instance, Options(function.is_async, self.play.instances[instance].guest.encoding))
        signature = self.signature(function, instance, "lift", function.abi)
        params = core_types(signature.params[: signature.params_len])
        results = core_types(signature.results[: signature.results_len])
        if function.abi == "callback":
            options.callback = self.core(tasks.callback, number, instance, ["i32"] * 3, ["i32"])
        if function.has_post_return:
            options.post_return = self.core(tasks.post_return, number, instance, results, [])
        callee = self.core(tasks.function, number, instance, params, results)
        ft, name = self.func_type(function.type), String.of(f"f{number}")
        return self.library.new(
            "canon_lift", self.store, self.instances[instance], callee, ft, byref(options), name
        )

    def signature(self, function: Function, instance: int, context: str, abi: str) -> CoreSignature:
        made = CoreSignature()
        address_type = ADDRESS_TYPES[self.play.instances[instance].guest.address_type]
        abi_number = ABIS.index(abi)
        ft = self.func_type(function.type)
        self.library.func_type_flatten(ft, address_type, CONTEXTS.index(context), abi_number, byref(made))
        return made

    def lower(self, instance: int, number: int, is_async: bool) -> tuple[int, int]:
        """The lowered function, and how many results it has."""
        key = instance, number, is_async
        if key not in self.lowered:
            options = self.options(instance, Options(is_async, self.play.instances[instance].guest.encoding))
            made = self.library.number(
                "canon_lower", self.store, self.instances[instance], self.functions[number], byref(options)
            )
            function = self.play.scenario.functions[number]
            signature = self.signature(function, instance, "lower", "async" if is_async else "sync")
            self.lowered[key] = made, signature.results_len
        return self.lowered[key]

    # Running.

    def run(self) -> None:
        args, error = c_uint32(MAIN), c_void_p()
        call, run = self.library.c.cmabi_func_call, self.library.c.cmabi_store_run
        status = call(self.store, self.functions[0], byref(args), None, self.arena, byref(error))
        ending = "returned" if status == OK else TRAPPED
        if status == OK:
            status = run(self.store, byref(error))
            ending = "returned" if status == OK else TRAPPED
        message = self.library.take_message(error)
        self.play.message = self.play.message or message
        if status == TRAP and message.startswith(DEADLOCK):
            ending = "blocked"
        self.play.end(None, "end", ending)
        if self.failure is not None:
            raise self.failure
        if status not in (OK, TRAP):
            raise Failure("func_call", status, message)

    def enter(self, function: int, args: Any) -> int:
        body, number, instance, count = self.bodies[function]
        self.activations.append(Activation(body(self.play, number, args[:count]), instance))
        return len(self.activations) - 1

    def next(self, number: int, status: int, step: Any) -> None:
        try:
            self.proceed(number, status, step.contents)
        except BaseException as failure:  # nothing catches it in C
            self.failure = self.failure or failure
            self.play.is_over = True
            step.contents.call, step.contents.status = None, TRAP

    def proceed(self, number: int, status: int, step: Step) -> None:
        activation = self.activations[number]
        assert activation is not None
        if status != OK:
            self.trapped(activation, status)
        if status != OK or self.play.is_over:
            step.call, step.status, self.activations[number] = None, TRAP, None
            return
        try:
            activation.call = activation.steps.send(self.result(activation))
        except StopIteration as stop:
            self.activations[number] = None
            results = list(stop.value)
            step.call, step.status = None, TRAP if results == [None] else OK
            step.args[0] = results[0] or 0 if results else 0
            return
        function, args = self.call(activation, activation.call)
        step.call = function
        for at, argument in enumerate([self.store, *args, addressof(activation.error)]):
            step.args[at] = argument

    def trapped(self, activation: Activation, status: int) -> None:
        message = self.library.take_message(activation.error)
        assert activation.call is not None
        if not self.play.is_over and ABANDONED not in message:
            self.play.end(activation.call.tag, activation.call.name, TRAPPED)
            self.play.message = message
            if status != TRAP:
                raise Failure(activation.call.name, status, message)

    def result(self, activation: Activation) -> Any:
        call = activation.call
        if call is None:
            return None
        if call.name == "call":
            _, count = self.lower(activation.instance, call.args[0], call.args[1])
            return list(activation.result[:count])
        bits = BUILTINS[call.name][1]
        return activation.result[0] & (1 << bits) - 1 if bits else None

    def call(self, activation: Activation, call: Call) -> tuple[int, list[int]]:
        activation.kept = []
        activation.result[0] = 0
        if call.name == "call":
            number, is_async, _, words = call.args
            lowered, count = self.lower(activation.instance, number, is_async)
            args = [lowered, *self.array(activation, words), addressof(activation.result), count]
            return self.address("cmabi_core_func_call"), args
        kinds, bits = BUILTINS[call.name]
        args = []
        for kind, value in zip(kinds, call.args, strict=True):
            args += self.argument(activation, kind, value)
        if bits:
            args.append(addressof(activation.result))
        return self.address("cmabi_" + function_name(call.name)), args

    def address(self, function: str) -> int:
        return cast(getattr(self.library.c, function), c_void_p).value or 0

    def argument(self, activation: Activation, kind: str, value: Any) -> list[int]:
        match kind:
            case "resource":
                return [self.builder.resource(value)]
            case "core type":
                return [CORE_TYPES.index(value)]
            case "element":
                return [self.type(value)]
            case "result":
                return [self.type(value[0]) if value else 0]
            case "options":
                options = self.options(activation.instance, value)
                activation.kept.append(options)
                return [addressof(options)]
            case "words":
                return self.array(activation, value)
            case "memory":
                return [self.memories[activation.instance]]
            case "table":
                return [self.tables[activation.instance]]
            case "thread type":
                return [addressof(self.core_func_type([value], []))]
            case _:
                return [int(value)]

    def array(self, activation: Activation, words: list[int]) -> list[int]:
        array = (c_uint64 * max(1, len(words)))(*words)
        activation.kept.append(array)
        return [addressof(array), len(words)]

    def type(self, t: Any) -> int:
        if t is None:
            return 0
        if id(t) not in self.types:
            self.types[id(t)] = t, self.builder.type(t)
        return self.types[id(t)][1]

    def func_type(self, ft: Any) -> int:
        if id(ft) not in self.types:
            self.types[id(ft)] = ft, self.builder.func_type(ft)
        return self.types[id(ft)][1]

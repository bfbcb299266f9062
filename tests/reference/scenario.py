"""What a random sequence of built-ins happens in: component instances with their resource types and
functions, and the types that streams and futures carry."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from generate import TypeGenerator
from library import ENCODINGS


@dataclass
class Instance:
    parent: int | None
    address_type: str
    encoding: str


@dataclass
class Resource:
    type: Any
    instance: int
    has_dtor: bool


@dataclass
class Function:
    """A function that is lifted in `instance`, with the options that `abi` stands for: `sync`,
    `async` or `callback`. Its first parameter says which task it is to be."""

    instance: int
    type: Any
    abi: str
    has_post_return: bool

    @property
    def is_async(self) -> bool:
        return self.abi != "sync"


@dataclass
class Scenario:
    instances: list[Instance] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    elements: list[Any] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)

    def resource(self, rt: Any) -> Resource:
        return next(resource for resource in self.resources if resource.type is rt)


def random_scenario(d: Any, rng: random.Random) -> Scenario:
    scenario = Scenario()
    for number in range(rng.choice([1, 2, 2, 3])):
        parent = rng.choice([None, None, *range(number)])
        instance = Instance(parent, rng.choice(["i32", "i32", "i64"]), rng.choice(ENCODINGS))
        scenario.instances.append(instance)
        for _ in range(rng.choice([0, 1, 1, 2])):
            scenario.resources.append(Resource(d.ResourceType(None), number, rng.random() < 0.6))
    everything = [resource.type for resource in scenario.resources]
    types = TypeGenerator(d, rng, everything)
    numbers = [None, d.U8Type(), d.U32Type(), d.U64Type(), d.F32Type()]
    scenario.elements = [rng.choice(numbers), rng.choice(numbers), types.element(1), types.element(2)]

    main = d.FuncType([("task", d.U32Type())], [], True)
    scenario.functions.append(Function(0, main, rng.choice(["async", "callback", "callback", "sync"]), False))
    for number in range(len(scenario.instances)):
        own = [resource.type for resource in scenario.resources if resource.instance == number]
        for _ in range(rng.choice([1, 2, 3])):
            scenario.functions.append(random_function(d, rng, number, types, TypeGenerator(d, rng, own)))
    return scenario


def random_function(
    d: Any, rng: random.Random, instance: int, takes: TypeGenerator, gives: TypeGenerator
) -> Function:
    count = rng.choice([0, 1, 1, 2, 5])
    params = [("task", d.U32Type())] + [(f"p{i}", takes.type(2, borrow=True)) for i in range(count)]
    result = [gives.type(2)] if rng.random() < 0.6 else []
    is_async = rng.random() < 0.75
    abi = rng.choice(["sync", "async", "callback", "callback"]) if is_async else "sync"
    return Function(instance, d.FuncType(params, result, is_async), abi, abi == "sync" and rng.random() < 0.5)


def plain(d: Any, t: Any) -> Any:
    """The type with numbers in place of handles: how a guest sees it."""
    match t:
        case d.OwnType() | d.BorrowType() | d.StreamType() | d.FutureType() | d.ErrorContextType():
            return d.U32Type()
        case d.ListType(element, length):
            return d.ListType(plain(d, element), length)
        case d.RecordType(fields):
            return d.RecordType([d.FieldType(f.label, plain(d, f.t)) for f in fields])
        case d.TupleType(types):
            return d.TupleType([plain(d, u) for u in types])
        case d.VariantType(cases):
            return d.VariantType([d.CaseType(c.label, plain(d, c.t)) for c in cases])
        case d.OptionType(some):
            return d.OptionType(plain(d, some))
        case d.ResultType(ok, error):
            return d.ResultType(plain(d, ok), plain(d, error))
        case d.MapType(key, value):
            return d.MapType(key, plain(d, value))
        case _:
            return t


def handles_in(d: Any, t: Any, value: Any) -> list[tuple[Any, int]]:
    """The handles in a value as a guest sees it, with their types."""
    match d.despecialize(t):
        case d.OwnType() | d.BorrowType() | d.StreamType() | d.FutureType() | d.ErrorContextType():
            return [(t, value)]
        case d.ListType(element):
            return [handle for v in value for handle in handles_in(d, element, v)]
        case d.RecordType(fields):
            return [handle for f in fields for handle in handles_in(d, f.t, value[f.label])]
        case d.VariantType(cases):
            [(label, payload)] = value.items()
            [case] = [case for case in cases if case.label == label]
            return [] if case.t is None else handles_in(d, case.t, payload)
        case _:
            return []


def handle_types(d: Any, t: Any) -> list[Any]:
    """The types of handles that may be in a value of a type."""
    match d.despecialize(t):
        case d.OwnType() | d.BorrowType() | d.StreamType() | d.FutureType() | d.ErrorContextType():
            return [t]
        case d.ListType(element):
            return handle_types(d, element)
        case d.RecordType(fields):
            return [u for f in fields for u in handle_types(d, f.t)]
        case d.VariantType(cases):
            return [u for c in cases if c.t is not None for u in handle_types(d, c.t)]
        case _:
            return []

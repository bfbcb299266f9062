"""One run of a random sequence of built-ins, on one of the two sides.

The guests' code is the same on both: generators that yield the calls they want to make. What they do
is drawn from the seed, the task and the step, and from what they know of their handles, which is the
same as long as the calls' results are.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from canon import Call
from guest import Guest, context
from memory import Allocator, Memory, Refused
from scenario import Function, Scenario

MEMORY_SIZE = 1024

ALLOCATING = -1
"""In place of a task: `realloc` runs."""

Steps = Generator[Call, Any, Any]


@dataclass
class Handle:
    """What a guest knows of a handle of its."""

    kind: str
    """`own`, `borrow`, `readable`, `writable`, `set`, `subtask` or `error-context`."""
    type: Any = None
    """The handle's type; the function's for a subtask."""
    set: int = 0
    """The set that it is in."""
    is_busy: bool = False
    """A copy is going on, or a subtask has not resolved."""
    is_done: bool = False
    place: int = 0
    """The buffer of a copy, or where the result of a subtask goes."""
    task: int = 0
    """For a borrow, the task that has to drop it."""
    peer: int = 0
    """The other end that was made with this one."""
    is_cancelling: bool = False

    @property
    def is_joined(self) -> bool:
        return self.set != 0

    @property
    def may_have_event(self) -> bool:
        return self.is_joined and (self.is_busy or self.kind == "subtask") and not self.is_done


@dataclass
class Task:
    """What a guest knows of a task of its."""

    tag: int
    instance: Instance
    function: Function
    is_resolved: bool = False
    is_cancelled: bool = False
    turns: int = 0


@dataclass
class Instance:
    """A component instance."""

    number: int
    guest: Guest
    handles: dict[int, Handle] = field(default_factory=dict)
    suspended_threads: list[int] = field(default_factory=list)
    ready_threads: list[int] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)
    """Where numbers are that streams carry."""
    backpressure: int = 0

    def take(self, align: int, size: int) -> int:
        """Memory for the guest itself."""
        allocator = self.guest.allocator
        place = allocator.take(align, size)
        allocator.live[place] = size
        return place


class Play:
    def __init__(self, d: Any, scenario: Scenario, seed: str, length: int, skipped: frozenset[tuple[int, int]]) -> None:
        self.d = d
        self.scenario = scenario
        self.seed = seed
        self.remaining = length
        self.skipped = skipped
        self.log: list[list[Any]] = []
        """What happened: the task or thread, what it was, and how it went."""
        self.is_over = False
        self.message = ""
        """Why it trapped, as the library puts it."""
        self.tasks: dict[int, Task] = {}
        self.steps: dict[int, int] = {}
        """How far each task and thread is."""
        self.thrown = 0
        self.taken_steps: list[tuple[int, int]] = []
        self.instances = [self.instance(number) for number in range(len(scenario.instances))]

    def instance(self, number: int) -> Instance:
        made = self.scenario.instances[number]
        memory = Memory(MEMORY_SIZE, made.address_type)
        mischief = random.Random(f"{self.seed}/{number}").random() < 0.04
        allocator = Allocator(memory, f"{self.seed}/{number}", 16, mischief)
        return Instance(number, Guest(self.d, memory, made.encoding, allocator))

    def record(self, tag: int | None, what: str, *how: Any) -> None:
        if not self.is_over:
            self.log.append([tag, what, *how])

    def end(self, tag: int | None, what: str, how: str) -> None:
        """Records the last that happens: after a trap no guest does anything."""
        self.record(tag, what, how)
        self.is_over = True

    def realloc(self, number: int, args: list[int]) -> int | None:
        """None where it traps."""
        allocator = self.instances[number].guest.allocator
        try:
            result = allocator(*args)
        except Refused:
            result = None
        self.record(None, f"realloc {number}", args, result)
        return result

    def dice(self, what: str) -> random.Random:
        """For what is no step of a task: a function that cleans up or allocates."""
        self.thrown += 1
        return random.Random(f"{self.seed}/{what}/{self.thrown}")

    def rng(self, tag: int) -> random.Random | None:
        """What the next step of a task draws from; None where the step is skipped."""
        step = self.steps[tag] = self.steps.get(tag, -1) + 1
        if (tag, step) in self.skipped:
            return None
        self.taken_steps.append((tag, step))
        return random.Random(f"{self.seed}/{tag}/{step}")


def guest_context(d: Any, instance: Instance) -> Any:
    """For a guest to write its own values."""

    def allocate(_old: int, _old_size: int, align: int, size: int) -> int:
        return instance.take(align, size)

    return context(d, instance.guest.memory, instance.guest.encoding, allocate)

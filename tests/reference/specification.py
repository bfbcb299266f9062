"""The executable reference of a checkout of the specification, made ready to be compared with.

Nothing of it is copied: `definitions.py` is loaded from the checkout. A few of its functions are
replaced, and here is why for each:

- stack switching: the reference loses a trap that is raised on another thread of Python's than the
  main one, and keeps a thread of Python's for ever for each of its own that never ends;
- `random`: whom to resume and which event to deliver is for the one to decide who compares;
- `contains` fails on flags and error contexts, which makes streams of them impossible;
- `type_matches_value` refuses the integer 0 that stands for a float which a variant's case lacks;
- `store_string_into_range` misreads the mark of UTF-16 where the memory that a latin1+utf16 string
  comes from has addresses of another width than the one it goes to; and a context that has a
  `store_string` of its own uses that, for strings that the reference itself would store otherwise.
"""

from __future__ import annotations

import __future__
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

DEFINITIONS = Path("design/mvp/canonical-abi/definitions.py")


class Abandoned(BaseException):
    """Unwinds a thread of the reference that is not going to be resumed."""


class Scheduler(Protocol):
    """Decides where the reference would draw from `random`."""

    def choose_thread(self, candidates: list[Any]) -> Any: ...

    def order_waitables(self, waitables: list[Any]) -> None: ...


class Choices:
    """What the reference gets for the module `random`."""

    def __init__(self) -> None:
        self.scheduler: Scheduler | None = None

    def choice(self, candidates: list[Any]) -> Any:
        assert self.scheduler is not None
        return self.scheduler.choose_thread(candidates)

    def shuffle(self, waitables: list[Any]) -> None:
        assert self.scheduler is not None
        self.scheduler.order_waitables(waitables)


class Worker:
    """A thread of Python's, used by one continuation after the other."""

    def __init__(self) -> None:
        self.job: Callable[[], None] | None = None
        self.wake = acquired_lock()
        threading.Thread(target=self.loop, daemon=True).start()

    def run(self, job: Callable[[], None]) -> None:
        self.job = job
        self.wake.release()

    def loop(self) -> None:
        while True:
            self.wake.acquire()
            assert self.job is not None
            self.job()


def acquired_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Continuation:
    """A suspended function of the reference."""

    def __init__(self, function: Callable[[], Any] | None) -> None:
        self.function = function
        self.lock = acquired_lock()
        self.handler: Handler | None = None
        self.is_abandoned = False


class Handler:
    """Who resumed a continuation, and what it came back with."""

    def __init__(self, current_thread: Any) -> None:
        self.lock = acquired_lock()
        self.current_thread = current_thread
        self.cont: Continuation | None = None
        self.switch_to: Any = None
        self.failure: BaseException | None = None


class Stacks:
    """The stack switching of the reference, on pooled threads and with traps that propagate."""

    def __init__(self, handlers: threading.local) -> None:
        self.handlers = handlers
        self.idle: list[Worker] = []
        self.suspended: set[Continuation] = set()

    def cont_new(self, function: Callable[[], Any]) -> Continuation:
        return Continuation(function)

    def resume(self, cont: Continuation, current_thread: Any) -> tuple[Continuation | None, Any]:
        handler = Handler(current_thread)
        cont.handler = handler
        if cont.function is not None:
            worker = self.idle.pop() if self.idle else Worker()
            worker.run(lambda: self.start(cont, worker))
        else:
            self.suspended.remove(cont)
            cont.lock.release()
        handler.lock.acquire()
        if handler.failure is not None:
            raise handler.failure
        return handler.cont, handler.switch_to

    def start(self, cont: Continuation, worker: Worker) -> None:
        function, cont.function = cont.function, None
        assert function is not None
        self.handlers.value = cont.handler
        switch_to, failure = None, None
        try:
            switch_to = function()
        except BaseException as error:  # whatever it is belongs to the one who resumed
            failure = error
        handler = self.handlers.value
        handler.cont, handler.switch_to, handler.failure = None, switch_to, failure
        self.idle.append(worker)
        handler.lock.release()

    def suspend(self, switch_to: Any) -> None:
        cont = Continuation(None)
        self.suspended.add(cont)
        handler = self.handlers.value
        handler.cont, handler.switch_to = cont, switch_to
        handler.lock.release()
        cont.lock.acquire()
        self.handlers.value = cont.handler
        if cont.is_abandoned:
            raise Abandoned

    def abandon(self) -> None:
        """Ends all that is suspended."""
        while self.suspended:
            cont = next(iter(self.suspended))
            cont.is_abandoned = True
            try:
                self.resume(cont, None)
            except Abandoned:
                pass


class Specification:
    """`definitions` is the reference's module."""

    def __init__(self, checkout: Path) -> None:
        self.definitions = load(checkout / DEFINITIONS)
        self.choices = Choices()
        self.stacks = Stacks(self.definitions.thread_local_handler)
        replace(self.definitions, self.choices, self.stacks)


def load(path: Path) -> Any:
    if not path.is_file():
        raise SystemExit(f"{path}: no such file; --spec takes a checkout of the specification")
    module = ModuleType("definitions")
    sys.modules["definitions"] = module  # where dataclasses look their annotations up
    # Its annotations name classes that come later, which Python allows since 3.14.
    flags = __future__.annotations.compiler_flag
    code = compile(path.read_text(encoding="utf-8"), path, "exec", flags=flags, dont_inherit=True)
    exec(code, module.__dict__)
    return module


def replace(definitions: ModuleType | Any, choices: Choices, stacks: Stacks) -> None:
    definitions.DETERMINISTIC_PROFILE = True
    definitions.random = choices
    for function in (stacks.cont_new, stacks.resume, stacks.suspend):
        setattr(definitions, function.__name__, function)

    contains = definitions.contains

    def contains_of_all_types(t: Any, predicate: Callable[[Any], bool]) -> bool:
        if isinstance(t, definitions.FlagsType | definitions.EnumType | definitions.ErrorContextType):
            return predicate(t)
        return contains(t, predicate)

    definitions.contains = contains_of_all_types

    type_matches_value = definitions.type_matches_value

    def number_matches_value(t: str, v: int | float) -> bool:
        return type_matches_value(t, float(v) if t[0] == "f" else v)

    definitions.type_matches_value = number_matches_value

    store_string_into_range = definitions.store_string_into_range

    def store_string(cx: Any, v: tuple[str, str, int]) -> Any:
        if hasattr(cx, "store_string"):
            return cx.store_string(v)
        text, encoding, units = v
        if encoding == "latin1+utf16" and units >> 31:
            units = units & (1 << 31) - 1 | definitions.utf16_tag(cx.opts.memory.ptr_type())
        return store_string_into_range(cx, (text, encoding, units))

    definitions.store_string_into_range = store_string

"""The built-ins, and what their arguments are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """The canonical options of a built-in, beside the memory and the `realloc` of the instance."""

    is_async: bool
    encoding: str


@dataclass(frozen=True)
class Call:
    """A call that a task makes: of a built-in, or as `call` of a function that is imported."""

    tag: int | None
    name: str
    args: tuple[Any, ...]


# Names as the specification has them, the kinds of the arguments, and the bits of the result.
BUILTINS: dict[str, tuple[tuple[str, ...], int]] = {
    "resource.new": (("resource", "number"), 32),
    "resource.drop": (("resource", "number"), 0),
    "resource.rep": (("resource", "number"), 32),
    "context.get": (("core type", "number"), 64),
    "context.set": (("core type", "number", "number"), 0),
    "backpressure.inc": ((), 0),
    "backpressure.dec": ((), 0),
    "task.return": (("result", "options", "words"), 0),
    "task.cancel": ((), 0),
    "waitable-set.new": ((), 32),
    "waitable-set.wait": (("memory", "number", "number"), 32),
    "waitable-set.poll": (("memory", "number", "number"), 32),
    "waitable-set.drop": (("number",), 0),
    "waitable.join": (("number", "number"), 0),
    "subtask.cancel": (("number", "number"), 32),
    "subtask.drop": (("number",), 0),
    "thread.index": ((), 32),
    "thread.new-indirect": (("thread type", "table", "number", "number"), 32),
    "thread.resume-later": (("number",), 0),
    "thread.suspend": ((), 32),
    "thread.yield": ((), 32),
    "thread.suspend-then-resume": (("number",), 32),
    "thread.suspend-then-promote": (("number",), 32),
    "thread.yield-then-resume": (("number",), 32),
    "thread.yield-then-promote": (("number",), 32),
    "error-context.new": (("options", "number", "number"), 32),
    "error-context.debug-message": (("options", "number", "number"), 0),
    "error-context.drop": (("number",), 0),
}
for _channel, _copy in (("stream", ("number", "number", "number")), ("future", ("number", "number"))):
    BUILTINS[f"{_channel}.new"] = (("element",), 64)
    BUILTINS[f"{_channel}.forward"] = (("element", "number", "number"), 0)
    for _direction, _end in (("read", "readable"), ("write", "writable")):
        BUILTINS[f"{_channel}.{_direction}"] = (("element", "options", *_copy), 32)
        BUILTINS[f"{_channel}.cancel-{_direction}"] = (("element", "number", "number"), 32)
        BUILTINS[f"{_channel}.drop-{_end}"] = (("element", "number"), 0)


def function_name(builtin: str) -> str:
    """`canon_…`, as the reference and the library call it."""
    return "canon_" + builtin.replace(".", "_").replace("-", "_")

"""What a task does in a step: a built-in or two, with arguments that are mostly right."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

from canon import Options
from frame import BLOCKED, Frame
from play import Handle, Steps

Action = Callable[[Frame, random.Random], Steps]
"""A step. Returns whether there was anything to do."""


def resource_new(frame: Frame, rng: random.Random) -> Steps:
    own = [r.type for r in frame.play.scenario.resources if r.instance == frame.instance.number]
    if not own:
        return False
    yield from frame.create(rng, frame.d.OwnType(rng.choice(own)))
    return True


def resource_drop(frame: Frame, rng: random.Random) -> Steps:
    index = frame.pick(rng, lambda handle: handle.kind in ("own", "borrow"))
    handle = frame.handles.get(index or 0)
    if index is None or not frame.play.scenario.resources:
        return False
    is_own = handle is not None and handle.kind in ("own", "borrow")
    rt = handle.type.rt if is_own else rng.choice(frame.play.scenario.resources).type
    yield from frame.do("resource.drop", rt, index)
    frame.handles.pop(index, None)
    return True


def resource_rep(frame: Frame, rng: random.Random) -> Steps:
    number = frame.instance.number
    own = [r.type for r in frame.play.scenario.resources if r.instance == number]
    index = frame.pick(rng, lambda handle: handle.kind == "own" and handle.type.rt in own)
    if index is None or not own:
        return False
    handle = frame.handles.get(index)
    rt = handle.type.rt if handle is not None and handle.kind == "own" else rng.choice(own)
    yield from frame.do("resource.rep", rt if rt in own else own[0], index)
    return True


def use_context(frame: Frame, rng: random.Random) -> Steps:
    """Slot 0 holds the task; slot 1 is free."""
    bits = rng.choice([32, 64]) if frame.guest.address_type == "i64" else 32
    core_type = frame.guest.address_type
    if rng.random() < 0.5:
        yield from frame.do("context.set", core_type, 1, rng.getrandbits(bits))
    yield from frame.do("context.get", core_type, 1)
    return True


def backpressure(frame: Frame, rng: random.Random) -> Steps:
    if frame.instance.backpressure == 0 and rng.random() < 0.95:
        yield from frame.do("backpressure.inc")
        frame.instance.backpressure += 1
    else:
        yield from frame.do("backpressure.dec")
        frame.instance.backpressure -= 1
    return True


def set_new(frame: Frame, _rng: random.Random) -> Steps:
    index = yield from frame.do("waitable-set.new")
    frame.handles[index] = Handle("set")
    return True


def pick_set(frame: Frame, rng: random.Random) -> int | None:
    return frame.pick(rng, lambda handle: handle.kind == "set")


def sets_with_events(frame: Frame) -> list[int]:
    """The sets that may have an event some time."""
    return [handle.set for handle in frame.handles.values() if handle.may_have_event]


def set_drop(frame: Frame, rng: random.Random) -> Steps:
    used = [handle.set for handle in frame.handles.values()]
    index = pick_set(frame, rng)
    if index is None or (index in used and rng.random() < 0.95):
        return False
    yield from frame.do("waitable-set.drop", index)
    frame.handles.pop(index, None)
    return True


def join(frame: Frame, rng: random.Random) -> Steps:
    waitable = frame.pick(rng, lambda handle: handle.kind in ("readable", "writable", "subtask"))
    if waitable is None:
        return False
    yield from join_one(frame, rng, waitable, rng.random() < 0.2)
    return True


def join_one(frame: Frame, rng: random.Random, waitable: int, leave: bool = False) -> Steps:
    index = 0 if leave else pick_set(frame, rng)
    if index is None:
        yield from set_new(frame, rng)
        index = pick_set(frame, rng) or 0
    yield from frame.do("waitable.join", waitable, index)
    if waitable in frame.handles:
        frame.handles[waitable].set = index


def poll(frame: Frame, rng: random.Random) -> Steps:
    promising = sets_with_events(frame)
    index = rng.choice(promising) if promising and rng.random() < 0.9 else pick_set(frame, rng)
    if index is None:
        return False
    yield from frame.do_event("waitable-set.poll", index)
    return True


def wait(frame: Frame, rng: random.Random) -> Steps:
    promising = sets_with_events(frame)
    index = rng.choice(promising) if promising else pick_set(frame, rng)
    if index is None or (not promising and rng.random() < 0.98) or avoids_blocking(frame, rng):
        return False
    yield from frame.do_event("waitable-set.wait", index)
    return True


def new_ends(frame: Frame, rng: random.Random) -> Steps:
    d, element = frame.d, rng.choice(frame.play.scenario.elements)
    yield from frame.create(rng, rng.choice([d.StreamType(element), d.StreamType(element), d.FutureType(element)]))
    return True


def channel_of(frame: Frame, handle: Handle) -> str:
    return "stream" if isinstance(handle.type, frame.d.StreamType) else "future"


def pick_end(frame: Frame, rng: random.Random, is_right: Callable[[Handle], bool]) -> tuple[int, Handle] | None:
    """A readable or writable end, of the index or perhaps of another."""
    index = frame.pick(rng, lambda handle: handle.kind in ("readable", "writable") and is_right(handle))
    if index is None:
        return None
    ends = [h for h in frame.handles.values() if h.kind in ("readable", "writable")]
    handle = frame.handles.get(index)
    if handle not in ends or rng.random() < 0.01:
        handle = rng.choice(ends) if ends else None
    return None if handle is None else (index, handle)


def copy(frame: Frame, rng: random.Random) -> Steps:
    """A read or write."""

    def is_free(handle: Handle) -> bool:
        is_within = handle.peer in frame.handles and not frame.d.none_or_number_type(handle.type.t)
        return not (handle.is_busy or handle.is_done or is_within) or rng.random() < 0.01

    picked = pick_end(frame, rng, is_free)
    if picked is None:
        return False
    index, handle = picked
    channel, element = channel_of(frame, handle), handle.type.t
    direction = "read" if handle.kind == "readable" else "write"
    count = rng.choice([0, 1, 1, 2, 3, 6]) if channel == "stream" else 1
    is_async = rng.random() < 0.85 or avoids_blocking(frame, rng) or (handle.is_joined and rng.random() < 0.95)
    place = 0
    if element is not None:
        place = buffer(frame, rng, element, count * frame.size(element))
        if direction == "write":
            values = yield from frame.values(rng, [element] * count)
            if values is None:
                return False
            for i, value in enumerate(values):
                frame.store(element, value, place + i * frame.size(element))
    place, count = perhaps_wrong(frame, rng, place, count)
    args = [index, place, count] if channel == "stream" else [index, place]
    handle.place = place
    packed = yield from frame.do(f"{channel}.{direction}", element, frame.options(is_async), *args)
    handle.is_busy = packed == BLOCKED
    if packed != BLOCKED:
        frame.copied(handle, packed)
    elif not handle.is_joined and rng.random() < 0.6:
        yield from join_one(frame, rng, index)
    return True


def buffer(frame: Frame, rng: random.Random, element: Any, size: int) -> int:
    """New memory for a copy; for numbers sometimes memory that was used already."""
    instance, align = frame.instance, frame.alignment(element)
    if not frame.d.none_or_number_type(element):
        return instance.take(align, size)
    used = [place for place in instance.buffers if place % align == 0 and place + size <= len(frame.guest.memory)]
    place = rng.choice(used) if used and rng.random() < 0.2 else instance.take(align, size)
    instance.buffers.append(place)
    return place


def avoids_blocking(frame: Frame, rng: random.Random) -> bool:
    """A task of a sync-typed function that blocks often traps."""
    return not frame.task.function.type.async_ and rng.random() < 0.8


def perhaps_wrong(frame: Frame, rng: random.Random, place: int, count: int) -> tuple[int, int]:
    match rng.randrange(400):
        case 0:
            return place + 1, count
        case 1:
            return place, 1 << 28
        case 2:
            return len(frame.guest.memory) - rng.randrange(9), count
        case _:
            return place, count


def cancel_copy(frame: Frame, rng: random.Random) -> Steps:
    picked = pick_end(frame, rng, lambda handle: handle.is_busy)
    if picked is None:
        return False
    index, handle = picked
    direction = "read" if handle.kind == "readable" else "write"
    is_async = rng.random() < 0.7 or handle.is_joined
    name = f"{channel_of(frame, handle)}.cancel-{direction}"
    packed = yield from frame.do(name, handle.type.t, is_async, index)
    if packed != BLOCKED:
        frame.copied(handle, packed)
    return True


def drop_end(frame: Frame, rng: random.Random) -> Steps:
    def may_go(handle: Handle) -> bool:
        is_unwritten = handle.kind == "writable" and channel_of(frame, handle) == "future" and not handle.is_done
        return not (handle.is_busy or is_unwritten)

    picked = pick_end(frame, rng, may_go)
    if picked is None:
        return False
    index, handle = picked
    yield from frame.do(f"{channel_of(frame, handle)}.drop-{handle.kind}", handle.type.t, index)
    frame.handles.pop(index, None)
    return True


def forward(frame: Frame, rng: random.Random) -> Steps:
    """Ties two streams or futures of a type together, or the ends of one."""

    def is_free(handle: Handle) -> bool:
        return not (handle.is_busy or handle.is_done or handle.is_joined) or rng.random() < 0.01

    picked = pick_end(frame, rng, lambda handle: handle.kind == "readable" and is_free(handle))
    if picked is None:
        return False
    readable, handle = picked

    def fits(other: Handle) -> bool:
        return other.kind == "writable" and other.type == handle.type and is_free(other)

    writable = frame.pick(rng, fits)
    if writable is None:
        return False
    yield from frame.do(f"{channel_of(frame, handle)}.forward", handle.type.t, readable, writable)
    for index in (readable, writable):
        frame.handles.pop(index, None)
    return True


def call(frame: Frame, rng: random.Random) -> Steps:
    functions = frame.play.scenario.functions
    here = frame.instance.number
    others = [n for n, f in enumerate(functions) if n and (f.instance > here or rng.random() < 0.05)]
    if not others:
        return False
    number = rng.choice(others)
    is_async = functions[number].type.async_ and rng.random() < 0.8
    known = set(frame.handles)
    called = yield from frame.call(rng, number, is_async)
    for index in set(frame.handles) - known:
        if frame.handles[index].kind == "subtask" and rng.random() < 0.6:
            yield from join_one(frame, rng, index)
    return called


def subtask_cancel(frame: Frame, rng: random.Random) -> Steps:
    index = frame.pick(rng, lambda handle: handle.kind == "subtask" and handle.is_busy and not handle.is_cancelling)
    if index is None:
        return False
    handle = frame.handles.get(index, Handle("subtask"))
    if handle.is_joined and rng.random() < 0.98:
        yield from join_one(frame, rng, index, leave=True)
    handle.is_cancelling = True
    state = yield from frame.do("subtask.cancel", rng.random() < 0.7, index)
    if state != BLOCKED:
        frame.subtask_progressed(handle, state)
    return True


def subtask_drop(frame: Frame, rng: random.Random) -> Steps:
    index = frame.pick(rng, lambda handle: handle.kind == "subtask" and (handle.is_done or rng.random() < 0.01))
    if index is None:
        return False
    yield from frame.do("subtask.drop", index)
    frame.handles.pop(index, None)
    return True


def error_context(frame: Frame, rng: random.Random) -> Steps:
    index = frame.pick(rng, lambda handle: handle.kind == "error-context")
    match rng.randrange(3) if index is not None else 0:
        case 0:
            yield from frame.create(rng, frame.d.ErrorContextType())
        case 1:
            place = frame.instance.take(8, 16)
            yield from frame.do("error-context.debug-message", frame.options(False), index, place)
            text = frame.load(frame.d.StringType(), place)
            frame.play.record(frame.tag, "message", text[0])
        case _:
            yield from frame.do("error-context.drop", index)
            frame.handles.pop(index or 0, None)
    return True


def yield_(frame: Frame, rng: random.Random) -> Steps:
    if avoids_blocking(frame, rng):
        return False
    yield from frame.do("thread.yield")
    return True


def new_thread(frame: Frame, rng: random.Random) -> Steps:
    tag = zlib.crc32(f"thread {frame.tag}/{frame.play.steps[frame.tag]}".encode())
    slot = 1 if rng.random() < 0.97 else rng.randrange(5)
    frame.play.tasks[tag] = frame.task
    index = yield from frame.do("thread.new-indirect", "i32", None, slot, tag)
    frame.instance.suspended_threads.append(index)
    return True


def resume_thread(frame: Frame, rng: random.Random) -> Steps:
    """Gives a suspended thread its turn."""
    suspended = frame.instance.suspended_threads
    if not suspended:
        return False
    index = suspended.pop(rng.randrange(len(suspended)))
    if rng.random() < 0.01:
        index = rng.choice([0, 1, 2, 3, 1 << 28])
    if rng.random() < 0.5 or avoids_blocking(frame, rng):
        yield from frame.do("thread.resume-later", index)
        frame.instance.ready_threads.append(index)
    else:
        yield from give_way(frame, rng, f"thread.{rng.choice(['suspend', 'yield'])}-then-resume", index)
    return True


def promote_thread(frame: Frame, rng: random.Random) -> Steps:
    """Gives a thread its turn if it is ready."""
    instance = frame.instance
    threads = [*instance.ready_threads, *instance.ready_threads, *instance.suspended_threads]
    if not threads or avoids_blocking(frame, rng):
        return False
    yield from give_way(frame, rng, f"thread.{rng.choice(['suspend', 'yield'])}-then-promote", rng.choice(threads))
    return True


def suspend(frame: Frame, rng: random.Random) -> Steps:
    if (not frame.instance.suspended_threads and rng.random() < 0.98) or avoids_blocking(frame, rng):
        return False
    yield from give_way(frame, rng, "thread.suspend")
    return True


def give_way(frame: Frame, rng: random.Random, name: str, *args: Any) -> Steps:
    """A built-in after which this thread runs when another resumes it, or when its turn comes."""
    index = yield from frame.do("thread.index")
    instance = frame.instance
    waiting = instance.suspended_threads if name.startswith("thread.suspend") else instance.ready_threads
    waiting.append(index)
    yield from frame.do(name, *args)
    for threads in (instance.suspended_threads, instance.ready_threads):
        if index in threads:
            threads.remove(index)


def return_early(frame: Frame, rng: random.Random) -> Steps:
    """`task.return` or `task.cancel`, sometimes where it is not allowed."""
    task = frame.task
    if rng.random() < 0.02:
        yield from frame.do("task.cancel")
        task.is_resolved = True
        return True
    if (task.is_resolved or not task.function.is_async or rng.random() < 0.5) and rng.random() < 0.99:
        return False
    return (yield from task_return(frame, rng))


def task_return(frame: Frame, rng: random.Random) -> Steps:
    """Resolves the task. Whether it could."""
    task, ft = frame.task, frame.task.function.type
    yield from drop_borrows(frame)
    if task.is_cancelled and rng.random() < 0.6:
        yield from frame.do("task.cancel")
        task.is_resolved = True
        return True
    values = yield from frame.values(rng, ft.result_type())
    if values is None:
        return False
    words = frame.lower(16, values, ft.result_type())
    options, result = Options(True, frame.guest.encoding), ft.result
    match rng.randrange(200):
        case 0:
            options = Options(True, "utf16")
        case 1:
            result, words = [frame.d.U8Type()], [7]
    yield from frame.do("task.return", result, options, words)
    task.is_resolved = True
    return True


def drop_borrows(frame: Frame) -> Steps:
    for index, handle in list(frame.handles.items()):
        if handle.kind == "borrow" and handle.task == frame.task.tag:
            yield from frame.do("resource.drop", handle.type.rt, index)
            frame.handles.pop(index, None)


ACTIONS: list[tuple[Action, int]] = [
    (resource_new, 4),
    (resource_drop, 3),
    (resource_rep, 2),
    (use_context, 2),
    (backpressure, 1),
    (set_new, 2),
    (set_drop, 1),
    (join, 8),
    (poll, 6),
    (wait, 8),
    (new_ends, 6),
    (copy, 24),
    (cancel_copy, 4),
    (drop_end, 4),
    (forward, 4),
    (call, 16),
    (subtask_cancel, 4),
    (subtask_drop, 3),
    (error_context, 2),
    (yield_, 3),
    (new_thread, 2),
    (resume_thread, 4),
    (promote_thread, 2),
    (suspend, 2),
    (return_early, 3),
]

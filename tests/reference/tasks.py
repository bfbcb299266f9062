"""The guests' core functions: lifted functions, callbacks, threads, and those for cleaning up."""

from __future__ import annotations

import random
from typing import Any

from actions import ACTIONS, drop_borrows, sets_with_events, task_return
from canon import Call
from frame import Frame
from play import ALLOCATING, Play, Steps, Task

EXIT, YIELD, WAIT = 0, 1, 2


def function(play: Play, number: int, words: list[int]) -> Steps:
    """The core function of a lifted function. Returns its results."""
    made = play.scenario.functions[number]
    task = Task(0, play.instances[made.instance], made)
    frame = Frame(play, task, 0)
    values = frame.lift(16, words, made.type.param_types())
    task.tag = frame.tag = values[0]
    for handle in task.instance.handles.values():
        if handle.kind == "borrow" and handle.task == 0:
            handle.task = task.tag
    play.tasks[task.tag] = task
    play.record(task.tag, f"enter {number}", words, values)
    yield from frame.do("context.set", "i32", 0, task.tag)
    if made.abi == "callback":
        return [(yield from turn(frame))]
    yield from steps(frame, 8)
    results = []
    if made.abi == "sync":
        yield from drop_borrows(frame)
        results = yield from sync_results(frame)
    elif not task.is_resolved:
        yield from resolve(frame)
    play.record(task.tag, "exit", results)
    return results


def sync_results(frame: Frame) -> Steps:
    ft = frame.task.function.type
    for attempt in range(8):
        values = yield from frame.values(random.Random(f"{frame.play.seed}/{frame.tag}/{attempt}"), ft.result_type())
        if values is not None:
            return frame.lower(1, values, ft.result_type())
    return [0] * len(frame.core_types(1, ft.result_type()))


def resolve(frame: Frame) -> Steps:
    """Returns from an async task; a guest that has no handles to return exits without."""
    for attempt in range(8):
        rng = random.Random(f"{frame.play.seed}/{frame.tag}/{attempt}")
        if frame.task.is_resolved or (yield from task_return(frame, rng)):
            return


def callback(play: Play, number: int, words: list[int]) -> Steps:
    """The callback of a lifted function, which finds its task in its context."""
    tag = yield Call(0, "context.get", ("i32", 0))
    task = play.tasks[tag]
    frame = Frame(play, task, tag)
    play.record(tag, f"callback {number}", words)
    frame.take_event(*words)
    return [(yield from turn(frame))]


def turn(frame: Frame) -> Steps:
    """What a task does before it exits, or waits for its next turn."""
    task, play = frame.task, frame.play
    task.turns += 1
    yield from steps(frame, 4)
    rng = random.Random(f"{play.seed}/{frame.tag}/turn {task.turns}")
    sets = sets_with_events(frame)
    is_late = task.turns > 4 or play.remaining < 0 or task.is_cancelled
    if is_late and not task.is_resolved:
        yield from resolve(frame)
    code, waits_for = EXIT, 0
    if not (task.is_resolved and rng.random() < 0.7) and not is_late:
        code, waits_for = (WAIT, rng.choice(sets)) if sets and rng.random() < 0.8 else (YIELD, 0)
    if rng.random() < 0.005:
        code, waits_for = rng.randrange(16), rng.randrange(8)
    play.record(frame.tag, "exit", [code, waits_for])
    return code | waits_for << 4


def thread(play: Play, _number: int, words: list[int]) -> Steps:
    """The function of a thread that a task has made."""
    [tag] = words
    frame = Frame(play, play.tasks[tag], tag)
    play.record(tag, "thread")
    index = yield from frame.do("thread.index")
    yield from steps(frame, 4)
    if index in frame.instance.ready_threads:
        frame.instance.ready_threads.remove(index)
    play.record(tag, "exit")
    return []


def steps(frame: Frame, most: int) -> Steps:
    count = random.Random(f"{frame.play.seed}/{frame.tag}/count {frame.task.turns}").randrange(most + 1)
    actions, weights = zip(*ACTIONS)
    for _ in range(count):
        rng = frame.play.rng(frame.tag)
        if rng is None or frame.play.remaining < 0:
            continue
        for action in rng.choices(actions, weights, k=6):
            if (yield from action(frame, rng)):
                break


def destructor(play: Play, number: int, words: list[int]) -> Steps:
    play.record(None, f"destructor {number}", words)
    yield from meddle(play, "destructor")
    return []


def post_return(play: Play, number: int, words: list[int]) -> Steps:
    play.record(None, f"post-return {number}", words)
    yield from meddle(play, "post-return")
    return []


def realloc(play: Play, number: int, words: list[int]) -> Steps:
    yield from meddle(play, "realloc", ALLOCATING)
    return [play.realloc(number, words)]


def meddle(play: Play, what: str, tag: int | None = None) -> Steps:
    """A built-in where one may not be allowed."""
    dice = play.dice(what)
    if dice.random() > 0.1:
        return
    own = ("i32", 1)
    calls: list[tuple[str, tuple[Any, ...]]]
    calls = [("context.set", (*own, dice.getrandbits(32))), ("context.get", own)] * 4
    calls += [("waitable-set.new", ()), ("thread.index", ()), ("thread.yield", ())]
    name, args = dice.choice(calls)
    result = yield Call(tag, name, args)
    play.record(None, f"{what}: {name}", list(args), result)

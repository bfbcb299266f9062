#!/usr/bin/env python3
"""Compares libcmabi with the specification's executable reference, on random cases.

    python3 tests/reference/check.py --spec CHECKOUT --lib target/debug/libcmabi.so --cases 100000

A third of the cases are sequences of built-ins, the others types and values. A case depends on the
seed and its number only: `--seed S --first N --cases 1` repeats one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from by_library import build_core_functions
from library import Library
from sequences import SequenceCase
from specification import Specification
from values import ValueCase

DEPTH, LENGTH = 3, 80
SHOWN = 5


@dataclass
class Found:
    """A case that differs, as small as it was made."""

    number: int
    report: str


class Checker:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.seed = arguments.seed
        self.only = arguments.only
        self.specification = Specification(arguments.spec)
        self.library = Library(arguments.lib)
        self.core_functions = None if self.only == "values" else build_core_functions()

    def check(self, number: int) -> Found | None:
        is_sequence = self.only == "builtins" or (self.only is None and number % 3 == 0)
        report = self.sequence(number) if is_sequence else self.value(number)
        return None if report is None else Found(number, report)

    def value(self, number: int) -> str | None:
        report = self.run_value(number, DEPTH)
        if report is None:
            return None
        smaller = (self.run_value(number, depth) for depth in range(DEPTH))
        return next((found for found in smaller if found is not None), report)

    def run_value(self, number: int, depth: int) -> str | None:
        return ValueCase(self.specification, self.library, f"{self.seed}/{number}", depth).run()

    def sequence(self, number: int) -> str | None:
        case = self.sequence_case(number, frozenset())
        report = case.run()
        if report is None:
            return None
        skipped: frozenset[tuple[int, int]] = frozenset()
        for step in reversed(case.by_library.taken_steps):
            smaller = self.sequence_case(number, skipped | {step})
            found = smaller.run()
            if found is not None:
                skipped, report = skipped | {step}, found
        return report

    def sequence_case(self, number: int, skipped: frozenset[tuple[int, int]]) -> SequenceCase:
        seed = f"{self.seed}/{number}"
        return SequenceCase(self.specification, self.library, self.core_functions, seed, LENGTH, skipped)


def work(arguments: argparse.Namespace, job: int, results: Any) -> None:
    """Every so manieth case, told in the end or as soon as it differs."""
    checker = Checker(arguments)
    for number in range(arguments.first + job, arguments.first + arguments.cases, arguments.jobs):
        found = checker.check(number)
        if found is not None:
            results.put(found)
    results.put(None)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", type=Path, required=True, help="a checkout of WebAssembly/component-model")
    parser.add_argument("--lib", type=Path, required=True, help="libcmabi.so")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--only", choices=["values", "builtins"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    start = time.monotonic()
    results: Any = multiprocessing.Queue()
    jobs = [multiprocessing.Process(target=work, args=(arguments, job, results)) for job in range(arguments.jobs)]
    for process in jobs:
        process.start()
    differing, running = 0, len(jobs)
    while running:
        try:
            found = results.get(timeout=1)
        except Exception:  # nothing new; a process may have crashed
            running = sum(process.is_alive() for process in jobs)
            continue
        if found is None:
            running -= 1
            continue
        differing += 1
        if differing <= SHOWN:
            print(f"case {found.number} of seed {arguments.seed}:\n{found.report}\n", flush=True)
    for process in jobs:
        process.join()
    crashed = sum(process.exitcode != 0 for process in jobs)
    seconds = time.monotonic() - start
    print(f"{arguments.cases} cases, {differing} differ, {crashed} processes failed, {seconds:.0f} s")
    return 1 if differing or crashed else 0


if __name__ == "__main__":
    sys.exit(main())

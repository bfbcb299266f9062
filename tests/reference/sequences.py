"""Random sequences of built-ins, on one component instance or a few."""

from __future__ import annotations

import random
from typing import Any
from typing import Any

from by_library import LibraryPlayer
from by_reference import ReferencePlayer
from compare import TRAPPED, Difference, expect
from guest import contents
from library import Failure, Library
from play import ALLOCATING, Play
from scenario import random_scenario
from specification import Specification


class SequenceCase:
    """One case. All that is random in it comes from `seed`."""

    def __init__(
        self,
        specification: Specification,
        library: Library,
        core_functions: Any,
        seed: str,
        length: int,
        skipped: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        self.specification = specification
        self.library = library
        self.core_functions = core_functions
        rng = random.Random(seed)
        scenario = random_scenario(specification.definitions, rng)
        self.schedule_seed = rng.choice([None, rng.getrandbits(32)])
        d = specification.definitions
        self.by_library, self.by_reference = (Play(d, scenario, seed, length, skipped) for _ in range(2))

    def run(self) -> str | None:
        """What differs, and what happened before."""
        player = LibraryPlayer(self.library, self.core_functions, self.by_library, self.schedule_seed)
        try:
            player.build()
            player.run()
            reference = ReferencePlayer(self.specification, self.by_reference, self.by_library.log)
            is_defined = reference.run()
            self.compare(is_defined)
        except (Difference, Failure, AssertionError) as difference:
            return self.report(difference)
        finally:
            player.free()
        return None

    def compare(self, is_defined: bool) -> None:
        expected, got = self.by_reference.log, self.by_library.log
        if expected[-1][-1] == TRAPPED:
            got = without_allocations(expected, got)
        for at, entry in enumerate(expected):
            expect(f"entry {at}", entry, got[at] if at < len(got) else None)
        if is_defined:
            expect("number of entries", len(expected), len(got))
        if is_defined and expected[-1][-1] != TRAPPED:
            for one, other in zip(self.by_reference.instances, self.by_library.instances):
                data = contents(one.guest, other.guest, {})
                expect(f"memory of instance {one.number}", *(bytes.hex() for bytes in data))

    def report(self, difference: BaseException) -> str:
        lines = [str(difference), f"the library said: {self.by_library.message}", "reference:"]
        lines += map(str, self.by_reference.log)
        lines += ["library:", *map(str, self.by_library.log)]
        return "\n".join(lines)


def without_allocations(expected: list[list[Any]], got: list[list[Any]]) -> list[list[Any]]:
    """What the library did, without the last calls of `realloc` where the reference traps.

    The library stores what it has read of a value before it reads on. Where the reference traps
    because of what it reads, the library may have called `realloc` already, which may trap too."""
    start = len(expected) - 1
    end = next((at for at in range(start, len(got)) if not is_allocation(got[at])), len(got))
    if start < end == len(got) and got[-1][-1] == TRAPPED:
        return [*got[:start], expected[-1]]
    return [*got[:start], *got[end:]]


def is_allocation(entry: list[Any]) -> bool:
    return entry[0] == ALLOCATING or str(entry[1]).startswith("realloc")

"""The greeter in Python."""

import wit_world
from wit_world import Person
from wit_world.imports import log


class WitWorld(wit_world.WitWorld):
    def greet(self, people: list[Person]) -> list[str]:
        log.line("one of them" if len(people) == 1 else "more than one of them")
        return [f"{'Welcome back' if person.visits > 0 else 'Hello'}, {person.name}!" for person in people]

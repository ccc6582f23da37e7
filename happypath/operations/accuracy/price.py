"""What Rekognition takes for looking at labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass

from happypath.operations import cost


@dataclass(frozen=True)
class Price:
    """How many pictures Rekognition looks at, at most, and what that costs at list prices."""

    asked: int
    usd: float


def of(workflow: str, pictures: int) -> Price:
    """The price of so many pictures that go the dearest way; each task on it asks all that it may."""
    machine, listed = cost.read(workflow), cost.prices()
    ways = []
    for way in machine.accepted or machine.refused:
        functions = [machine.function_of[state] for state in way if state in machine.function_of]
        operations = [
            operation.partition(":")[2] for function in functions for operation in machine.asks[function]
        ]
        names = [listed.rekognition[each] for each in operations if each in listed.rekognition]
        usd = sum(listed.by_name[name].of(pictures, free_tier=False) for name in names)
        ways.append(Price(pictures * len(names), usd))
    return max(ways, key=lambda price: price.usd, default=Price(0, 0.0))

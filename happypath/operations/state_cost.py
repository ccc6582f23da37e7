"""What one state of one execution cost, at list prices: nothing is free, and the first tier's price holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from happypath.operations.cost import Line, Prices
from happypath.operations.trace import Node

_FUNCTION = "AWS::Lambda::Function"


def of_state(
    listed: Prices, transitions: int, nodes: Iterable[Node], memory_mb: int, billed_ms: Sequence[float] = ()
) -> list[Line]:
    """The lines of a bill for a state that was entered or tried again so often, from its part of the trace.

    `billed_ms` has what Lambda billed of each invocation, as far as its log says so; else the trace tells how
    long each took. Without a trace, what Rekognition was asked is not known.
    """
    found = [node for root in nodes for node in root.walk()]
    invocations = [(node.end - node.start) * 1000 for node in found if node.origin == _FUNCTION]
    operations = (node.operation or "" for node in found if node.name.lower() == "rekognition")
    asked = Counter(listed.rekognition[each] for each in operations if each in listed.rekognition)
    billed = [math.ceil(each) for each in billed_ms or invocations]
    gb_seconds = sum(billed) / 1000 * memory_mb / 1024

    def line(item: str, quantity: float, price: str) -> Line:
        return Line(item, quantity, price, listed.by_name[price].of(quantity, free_tier=False))

    lines = [line("State transitions", transitions, "stateTransition")] if transitions else []
    if billed:
        lines.append(line("Lambda requests", len(billed), "lambdaRequest"))
        lines.append(line(f"Lambda GB-seconds at {memory_mb} MB", gb_seconds, "lambdaGbSecondArm"))
    lines += [line("Images that Rekognition looked at", number, price) for price, number in asked.items()]
    return lines

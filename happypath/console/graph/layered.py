"""A layered layout of a directed graph, from top to bottom, after Sugiyama's method.

Links lead down where they can: a cycle is broken at the link that closes it. Each node is in a layer; a link
that spans several has a way point in each of those between, and room for its label in the first of them. So
nothing overlaps: within a layer all have their own room, and between layers there are only links.

https://doi.org/10.1109/TSMC.1981.4308636; coordinates are isotonic regressions of what neighbours ask for
(https://doi.org/10.1007/BF01580873).
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

Size: TypeAlias = tuple[float, float]

_SWEEPS = 12
_ROUNDS = 24
# Between neighbours in a layer: nodes and labels, and links that pass.
_APART, _APART_PASSING = 26.0, 14.0
_BETWEEN_LAYERS = 30.0
# Labels need less before and after them.
_BETWEEN_LABELS = 18.0
# What links have more that go far aside.
_ASIDE = 18.0
_PORT_INSET, _PORTS_APART = 14.0, 12.0
# What passes a layer is pulled straight more than what ends in it.
_STRAIGHT, _HALF_STRAIGHT = 8.0, 2.0


@dataclass(frozen=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """Its middle, from the left."""
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> Box:
        """The same box elsewhere."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True)
class Link:
    """What is to be drawn between two nodes. Links of one `bundle` and target share their way points."""

    key: str
    source: str
    target: str
    label: Size | None = None
    weight: float = 1.0
    bundle: str | None = None


@dataclass(frozen=True)
class Stop:
    """Where a link goes straight down: at `x`, from `top` to `bottom`."""

    x: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Route:
    """The way of a link. `stops` are from top to bottom; one that `leads_up` has its source at the bottom."""

    stops: tuple[Stop, ...]
    label: Box | None
    leads_up: bool


@dataclass(frozen=True)
class Layout:
    """Where everything is, from (0, 0) on. Links of a node to itself have no route."""

    boxes: dict[str, Box]
    routes: dict[str, Route]
    width: float
    height: float


def layout(nodes: Mapping[str, Size], links: Sequence[Link], beside: Mapping[str, float]) -> Layout:
    """Lays out nodes of these sizes; earlier ones come first where nothing else decides. `beside` is room
    to be left at either side of some of them.
    """
    if not nodes:
        return Layout({}, {}, 0.0, 0.0)
    return _Layers(nodes, [link for link in links if link.source != link.target], beside).laid_out()


@dataclass
class _Chain:
    """A link as it goes through the layers: down from `upper`, whichever its own direction."""

    link: Link
    upper: str
    lower: str
    leads_up: bool
    # The way points between the two.
    between: list[str] = field(default_factory=list)
    label: str | None = None


class _Layers:
    """The work of a layout, step by step."""

    def __init__(self, nodes: Mapping[str, Size], links: Sequence[Link], beside: Mapping[str, float]) -> None:
        self._nodes = dict(nodes)
        self._sizes: dict[str, Size] = {
            node: (width + 2 * beside.get(node, 0.0), height) for node, (width, height) in nodes.items()
        }
        self._chains = self._without_cycles(links)
        self._rank = self._ranks()
        self._up: dict[str, dict[str, float]] = defaultdict(dict)
        self._down: dict[str, dict[str, float]] = defaultdict(dict)
        self._cut()
        self._layers = self._ordered()

    def laid_out(self) -> Layout:
        centres = self._centres()
        left = min(centre - self._sizes[node][0] / 2 for node, centre in centres.items())
        right = max(centre + self._sizes[node][0] / 2 for node, centre in centres.items())
        bands, height = self._bands(centres)
        boxes: dict[str, Box] = {}
        for node, centre in centres.items():
            width, tall = self._nodes.get(node, self._sizes[node])
            top, bottom = bands[self._rank[node]]
            boxes[node] = Box(centre - width / 2 - left, (top + bottom - tall) / 2, width, tall)
        return Layout(
            {node: boxes[node] for node in self._nodes}, self._routes(boxes, bands), right - left, height
        )

    def _without_cycles(self, links: Sequence[Link]) -> list[_Chain]:
        """The links, those turned round that close a cycle on the way from the first nodes."""
        out: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            out[link.source].append(link)
        is_open: dict[str, bool] = {}
        turned: set[str] = set()
        for root in self._nodes:
            if root in is_open:
                continue
            is_open[root] = True
            path = [(root, iter(out[root]))]
            while path:
                node, onward = path[-1]
                for link in onward:
                    if link.target not in is_open:
                        is_open[link.target] = True
                        path.append((link.target, iter(out[link.target])))
                        break
                    if is_open[link.target]:
                        turned.add(link.key)
                else:
                    is_open[node] = False
                    path.pop()
        return [
            _Chain(link, link.target, link.source, leads_up=True)
            if link.key in turned
            else _Chain(link, link.source, link.target, leads_up=False)
            for link in links
        ]

    def _ranks(self) -> dict[str, int]:
        """The layer of each node: as high as its links allow, then down to what follows it."""
        after: dict[str, list[tuple[str, int]]] = defaultdict(list)
        before: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for chain in self._chains:
            length = 1 if chain.link.label is None else 2
            after[chain.upper].append((chain.lower, length))
            before[chain.lower].append((chain.upper, length))
        waiting = {node: len(before[node]) for node in self._nodes}
        order = [node for node, number in waiting.items() if not number]
        rank = dict.fromkeys(self._nodes, 0)
        for node in order:
            for lower, length in after[node]:
                rank[lower] = max(rank[lower], rank[node] + length)
                waiting[lower] -= 1
                if not waiting[lower]:
                    order.append(lower)
        for node in reversed(order):
            if len(after[node]) > len(before[node]):
                rank[node] = min(rank[lower] - length for lower, length in after[node])
        least = min(rank.values())
        return {node: each - least for node, each in rank.items()}

    def _cut(self) -> None:
        """Gives each link that spans several layers a way point in each of those between."""
        shared: dict[tuple[str, str, int], str] = {}
        for chain in self._chains:
            link = chain.link
            ranks = range(self._rank[chain.upper] + 1, self._rank[chain.lower])
            labelled = None if link.label is None else (ranks[-1] if chain.leads_up else ranks[0])
            for rank in ranks:
                point = f"\0{link.key}\0{rank}"
                if rank == labelled:
                    chain.label = point
                elif link.bundle is not None and not chain.leads_up:
                    point = shared.setdefault((link.bundle, link.target, rank), point)
                chain.between.append(point)
                if point not in self._rank:
                    self._rank[point] = rank
                    self._sizes[point] = link.label if rank == labelled and link.label else (0.0, 0.0)
            for upper, lower in pairwise([chain.upper, *chain.between, chain.lower]):
                inner = (upper not in self._nodes) + (lower not in self._nodes)
                weight = link.weight * (1.0, _HALF_STRAIGHT, _STRAIGHT)[inner]
                self._down[upper][lower] = self._up[lower][upper] = self._down[upper].get(lower, 0.0) + weight

    def _ordered(self) -> list[list[str]]:
        """The layers, each in an order with few crossings."""
        layers: list[list[str]] = [[] for _ in range(max(self._rank.values()) + 1)]
        seen: set[str] = set()
        stack = [*reversed(self._nodes)]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen.add(node)
                layers[self._rank[node]].append(node)
                stack += reversed(self._down[node])
        best, fewest = layers, self._crossings(layers)
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            layers = self._swept(layers, down=sweep % 2 == 0)
            crossings = self._crossings(layers)
            if crossings < fewest:
                best, fewest = layers, crossings
        return self._transposed(best)

    def _swept(self, layers: list[list[str]], *, down: bool) -> list[list[str]]:
        """The layers, each sorted by where its nodes' neighbours in the layer before are."""
        neighbours = self._up if down else self._down
        result = list(layers)
        ranks = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for rank in ranks:
            place = {node: number for number, node in enumerate(result[rank - 1 if down else rank + 1])}
            wanted: dict[str, float] = {}
            for number, node in enumerate(result[rank]):
                weights = neighbours[node]
                total = sum(weights.values())
                wanted[node] = (
                    sum(place[each] * weight for each, weight in weights.items()) / total
                    if total
                    else float(number)
                )
            result[rank] = sorted(result[rank], key=wanted.__getitem__)
        return result

    def _crossings(self, layers: list[list[str]]) -> int:
        return sum(self._between(upper, lower) for upper, lower in pairwise(layers))

    def _between(self, upper: Sequence[str], lower: Sequence[str]) -> int:
        place = {node: number for number, node in enumerate(lower)}
        crossings = 0
        ends: list[int] = []
        for node in upper:
            onward = sorted(place[each] for each in self._down[node] if each in place)
            crossings += sum(len(ends) - bisect(ends, end) for end in onward)
            for end in onward:
                insort(ends, end)
        return crossings

    def _transposed(self, layers: list[list[str]]) -> list[list[str]]:
        """The layers, neighbours swapped where that saves a crossing."""
        for _ in range(_SWEEPS):
            saved = 0
            for rank, layer in enumerate(layers):
                around = [
                    ({node: number for number, node in enumerate(layers[other])}, neighbours)
                    for other, neighbours in ((rank - 1, self._up), (rank + 1, self._down))
                    if 0 <= other < len(layers)
                ]
                for number in range(len(layer) - 1):
                    left, right = layer[number : number + 2]
                    now, then = 0, 0
                    for place, neighbours in around:
                        lefts = sorted(place[each] for each in neighbours[left])
                        rights = sorted(place[each] for each in neighbours[right])
                        now += sum(len(lefts) - bisect(lefts, each) for each in rights)
                        then += sum(len(rights) - bisect(rights, each) for each in lefts)
                    if then < now:
                        layer[number : number + 2] = [right, left]
                        saved += now - then
            if not saved:
                break
        return layers

    def _centres(self) -> dict[str, float]:
        """The middle of each node and way point, as near as can be to where its neighbours want it."""
        centres: dict[str, float] = {}
        for layer in self._layers:
            for node, offset in zip(layer, self._offsets(layer), strict=True):
                centres[node] = offset
        forward, backward = range(len(self._layers)), range(len(self._layers) - 1, -1, -1)
        for turn in range(_ROUNDS):
            is_last = turn >= _ROUNDS - 4
            for rank in forward if turn % 2 == 0 else backward:
                layer = self._layers[rank]
                wanted: list[float] = []
                weights: list[float] = []
                for node in layer:
                    asking = [(centres[each], weight) for each, weight in self._asking(node, turn, is_last)]
                    wanted.append(_median(asking) if asking else centres[node])
                    weights.append(sum(weight for _, weight in asking) or 0.1)
                offsets = self._offsets(layer)
                moved = _isotonic(
                    [want - offset for want, offset in zip(wanted, offsets, strict=True)], weights
                )
                for node, offset, by in zip(layer, offsets, moved, strict=True):
                    centres[node] = offset + by
        self._straighten(centres)
        return centres

    def _straighten(self, centres: dict[str, float]) -> None:
        """Moves the way points of each link onto as few vertical lines as their neighbours leave room for."""
        room = self._room(centres)
        for chain in sorted(self._chains, key=lambda each: -len(each.between)):
            run: list[str] = []
            low, high = float("-inf"), float("inf")
            for point in chain.between:
                its_low, its_high = room(point)
                if run and (its_low > high or its_high < low):
                    _align(centres, run, low, high)
                    run, low, high = [], float("-inf"), float("inf")
                run.append(point)
                low, high = max(low, its_low), min(high, its_high)
            if run:
                _align(centres, run, low, high)

    def _room(self, centres: Mapping[str, float]) -> Callable[[str], tuple[float, float]]:
        """Between what a way point may be moved where the others are now."""
        place = {node: number for layer in self._layers for number, node in enumerate(layer)}

        def room(point: str) -> tuple[float, float]:
            layer, number = self._layers[self._rank[point]], place[point]
            low, high = float("-inf"), float("inf")
            if number:
                before, here = self._offsets(layer[number - 1 : number + 1])
                low = centres[layer[number - 1]] + here - before
            if number + 1 < len(layer):
                here, after = self._offsets(layer[number : number + 2])
                high = centres[layer[number + 1]] - after + here
            return low, max(low, high)

        return room

    def _asking(self, node: str, turn: int, is_last: bool) -> Iterable[tuple[str, float]]:
        up, down = self._up[node], self._down[node]
        if is_last:
            return [*up.items(), *down.items()]
        first, second = (up, down) if turn % 2 == 0 else (down, up)
        return (first or second).items()

    def _offsets(self, layer: Sequence[str]) -> list[float]:
        """Where the middles of a layer are when it is packed as closely as allowed."""
        offsets: list[float] = []
        for node in layer:
            if offsets:
                before = layer[len(offsets) - 1]
                passing = not self._sizes[node][0] and not self._sizes[before][0]
                room = _APART_PASSING if passing else _APART
                offsets.append(offsets[-1] + (self._sizes[before][0] + self._sizes[node][0]) / 2 + room)
            else:
                offsets.append(self._sizes[node][0] / 2)
        return offsets

    def _bands(self, centres: Mapping[str, float]) -> tuple[list[tuple[float, float]], float]:
        """From where to where each layer is, and where the last one ends. Links far aside have more room."""
        bands: list[tuple[float, float]] = []
        y = 0.0
        for rank, layer in enumerate(self._layers):
            if rank:
                before = self._layers[rank - 1]
                labels = any(node not in self._nodes and self._sizes[node][0] for node in (*before, *layer))
                aside = max(
                    (abs(centres[each] - centres[node]) for node in before for each in self._down[node]),
                    default=0.0,
                )
                y += (_BETWEEN_LABELS if labels else _BETWEEN_LAYERS) + min(_ASIDE, aside / 16)
            tall = max(self._sizes[node][1] for node in layer)
            bands.append((y, y + tall))
            y += tall
        return bands, y

    def _routes(self, boxes: Mapping[str, Box], bands: Sequence[tuple[float, float]]) -> dict[str, Route]:
        leaving, arriving = self._ports(boxes)
        routes: dict[str, Route] = {}
        for chain in self._chains:
            upper, lower = boxes[chain.upper], boxes[chain.lower]
            stops = [
                Stop(leaving[chain.link.key], upper.bottom, bands[self._rank[chain.upper]][1]),
                *(Stop(boxes[point].centre, *bands[self._rank[point]]) for point in chain.between),
                Stop(arriving[chain.link.key], bands[self._rank[chain.lower]][0], lower.y),
            ]
            label = boxes[chain.label] if chain.label else None
            routes[chain.link.key] = Route(tuple(stops), label, chain.leads_up)
        return routes

    def _ports(self, boxes: Mapping[str, Box]) -> tuple[dict[str, float], dict[str, float]]:
        """Where each link leaves its upper node, and where it comes to its lower one."""
        leaving: dict[str, float] = {}
        arriving: dict[str, float] = {}
        below: dict[str, list[_Chain]] = defaultdict(list)
        above: dict[str, list[_Chain]] = defaultdict(list)
        for chain in self._chains:
            below[chain.upper].append(chain)
            above[chain.lower].append(chain)
        for node, chains in below.items():
            first = {chain.link.key: (chain.between or [chain.lower])[0] for chain in chains}
            leaving |= _spread(boxes[node], first, {key: boxes[each].centre for key, each in first.items()})
        for node, chains in above.items():
            last = {chain.link.key: (chain.between or [chain.upper])[-1] for chain in chains}
            # What comes straight from a node comes from its port.
            wanted = {
                key: leaving[key] if each in self._nodes else boxes[each].centre for key, each in last.items()
            }
            arriving |= _spread(boxes[node], last, wanted)
        return leaving, arriving


def _align(centres: dict[str, float], points: Sequence[str], low: float, high: float) -> None:
    """Puts points onto one vertical line between `low` and `high`, near to where they are."""
    now = sorted(centres[point] for point in points)
    line = min(max(now[len(now) // 2], low), high)
    for point in points:
        centres[point] = line


def _spread(box: Box, ends: Mapping[str, str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Places on an edge of a box for links, near where they lead; those to the same way point share one."""
    inset = min(_PORT_INSET, box.width / 2)
    low, high = box.x + inset, box.right - inset
    places: dict[tuple[str, float], float] = {}
    asked = sorted({(wanted[key], end) for key, end in ends.items()})
    apart = min(_PORTS_APART, (high - low) / max(1, len(asked) - 1))
    offsets = [number * apart for number in range(len(asked))]
    near = [min(max(want, low), high) - offset for (want, _), offset in zip(asked, offsets, strict=True)]
    last = offsets[-1]
    for (want, end), offset, at in zip(asked, offsets, _isotonic(near, [1.0] * len(near)), strict=True):
        places[end, want] = min(max(at, low), high - last) + offset
    return {key: places[end, wanted[key]] for key, end in ends.items()}


def _isotonic(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence that is nearest to the wanted one, by weighted squares: neighbours that violate
    the order are pooled.

    >>> _isotonic([1.0, 4.0, 2.0, 6.0], [1.0, 1.0, 1.0, 1.0])
    [1.0, 3.0, 3.0, 6.0]
    """
    pools: list[tuple[float, float, int]] = []
    for want, weight in zip(wanted, weights, strict=True):
        value, total, number = want, weight, 1
        while pools and pools[-1][0] > value:
            before, its_weight, its_number = pools.pop()
            value = (value * total + before * its_weight) / (total + its_weight)
            total, number = total + its_weight, number + its_number
        pools.append((value, total, number))
    return [value for value, _, number in pools for _ in range(number)]


def _median(asking: Sequence[tuple[float, float]]) -> float:
    """The weighted median; between the two middle ones where neither has more weight.

    >>> _median([(1.0, 1.0), (2.0, 3.0), (9.0, 1.0)]), _median([(1.0, 1.0), (2.0, 1.0)])
    (2.0, 1.5)
    """
    ordered = sorted(asking)
    half = sum(weight for _, weight in ordered) / 2
    below = 0.0
    for number, (value, weight) in enumerate(ordered):
        below += weight
        if below > half:
            return value
        if below == half and number + 1 < len(ordered):
            return (value + ordered[number + 1][0]) / 2
    return ordered[-1][0]

"""Who calls what in the sandbox: the permissions that each function and state machine turns out to need."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field

from functions.ingest.record import PARTITION
from functions.review.review import PARTITION as REVIEWS

_MOST_DENIED = 1_000
# Of the table, those that are no place.
_PARTITIONS = {PARTITION, REVIEWS}
# Of the catalogue's, what those of one kind begin with that policies tell apart.
_KINDS = ("upload#", "index#")


@dataclass(frozen=True, order=True)
class Permission:
    """An IAM action on a resource; in a table, on items of one partition, or of any (`*`)."""

    action: str
    resource: str
    partition: str = "*"


@dataclass
class Calls:
    """The permissions that were needed so far, by the name of the function or state machine."""

    needed: dict[str, set[Permission]] = field(default_factory=dict)
    # How often each operation (`s3:GetObject`) was called by whom; of transactions and batches, items.
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    # The latest that were denied, in AWS's words.
    denied: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_DENIED))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, caller: str, action: str, resource: str, leading_keys: tuple[str, ...] = ()) -> None:
        """Notes what a call needs: of objects, any of their bucket; of places, any."""
        if resource.startswith("arn:aws:s3:::") and "/" in resource:
            resource = f"{resource.partition('/')[0]}/*"
        alike = set(map(_partition, leading_keys))
        partition = alike.pop() if len(alike) == 1 else "*"
        with self._lock:
            self.needed.setdefault(caller, set()).add(Permission(action, resource, partition))

    def count(self, caller: str, called: str, parts: int) -> None:
        """Counts a call of so many parts."""
        with self._lock:
            self.requests[caller, called] += parts


def _partition(leading_key: str) -> str:
    if leading_key in _PARTITIONS:
        return leading_key
    return next((f"{kind}*" for kind in _KINDS if leading_key.startswith(kind)), "*")

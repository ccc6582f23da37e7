"""What all pages of one running console share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from happypath.console.batches import Batches
from happypath.console.jobs import Jobs
from happypath.operations.executions import Histories
from happypath.operations.installation import Installation
from happypath.operations.review import ReviewQueue

if TYPE_CHECKING:
    from happypath.sandbox.fault_injection.rules import Faults


_NOTICES = 100


@dataclass(frozen=True)
class Notice:
    """What a request did, or why it did not."""

    text: str
    failed: bool


@dataclass
class Console:
    """A console of one installation. `faults` are those of the sandbox in this process, if one is."""

    installation: Installation
    allow_changes: bool
    faults: Faults | None = None
    # A request that changes something must bring it; only the pages of this console have it.
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    jobs: Jobs = field(default_factory=Jobs, repr=False)
    batches: Batches = field(default_factory=Batches, repr=False)
    # What pages of executions know already.
    histories: Histories = field(default_factory=Histories, repr=False)
    # What the last changes did, until a page has said so: a page is loaded anew after each.
    _notices: dict[str, Notice] = field(default_factory=dict, repr=False)

    def leave(self, text: str, *, failed: bool = False) -> str:
        """Keeps a notice for the page that is shown next; returns its name."""
        while len(self._notices) >= _NOTICES:
            self._notices.pop(next(iter(self._notices)), None)
        name = secrets.token_hex(8)
        self._notices[name] = Notice(text, failed)
        return name

    def notice(self, name: str) -> Notice | None:
        """The notice of that name."""
        return self._notices.get(name)

    def close(self) -> None:
        """Ends what goes on, and removes what was kept."""
        self.jobs.close()
        self.batches.close()

    @cached_property
    def endpoint(self) -> str:
        """The address that AWS's calls go to."""
        return str(self.installation.client("s3").meta.endpoint_url)

    @cached_property
    def reviews(self) -> ReviewQueue:
        """The reviews, as whoever's credentials these are may act on them."""
        return ReviewQueue(self.installation)

    @property
    def is_sandbox(self) -> bool:
        """Whether the calls go to this machine, and not to AWS."""
        return (urlsplit(self.endpoint).hostname or "") in {"127.0.0.1", "localhost", "::1"}

    @cached_property
    def region(self) -> str:
        """The AWS region of the installation."""
        return str(self.installation.client("s3").meta.region_name)

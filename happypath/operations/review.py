"""Reviews of an installation, for the commands and the console: who the reviewer is, and what a name means.

The rules are those of `functions.review.reviews`, whose refusals are errors here that are shown in a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from functions.ingest.record import utc_now
from functions.review.review import Review
from functions.review.reviews import NoReviewError, ReviewError, Reviews
from happypath.errors import ExpectedError
from happypath.operations.installation import Installation
from happypath.operations.naming import printable
from happypath.operations.records import find


class ReviewRefusedError(ExpectedError):
    """Something cannot be done to a review; the message says what is in the way."""


class ReviewQueue:
    """The reviews of an installation, for one reviewer: the caller, unless another is named."""

    def __init__(
        self,
        installation: Installation,
        reviewer: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._installation = installation
        self._reviewer = reviewer
        self._reviews = Reviews(installation.client("dynamodb"), installation.core["Table"], now)
        self.now = now

    @property
    def reviewer(self) -> str:
        """Who acts: the ARN of the caller, by whose credentials everything is done."""
        if self._reviewer is None:
            self._reviewer = str(self._installation.client("sts").get_caller_identity()["Arn"])
        return self._reviewer

    def waiting(self) -> list[Review]:
        """All reviews that are open, the oldest first."""
        return self._reviews.waiting()

    def about(self, record: Mapping[str, Any]) -> Review | None:
        """What a person is asked, or was asked last, about an upload with this record; None: nothing yet."""
        try:
            return self._reviews.show(record["review"]) if "review" in record else None
        except NoReviewError:
            return None

    def show(self, name: str) -> Review:
        """The review that a name means: its id, or the key, the upload id, or a part of the key that no other
        upload's has. Of an upload that was reviewed more than once it is the last.

        Raises:
            UploadNameError: no upload of that name.
            ReviewRefusedError: it was never reviewed.
        """
        try:
            return self._reviews.show(name)
        except NoReviewError:
            record = find(self._installation, name)
        with refusals():
            if "review" not in record:
                raise NoReviewError(
                    f"{printable(record['key'])} ({record['objStatus']}) was never to be reviewed: "
                    "`happypath review` lists what waits."
                )
            return self._reviews.show(record["review"])

    def claim(self, name: str) -> Review:
        """Reserves a review for the reviewer."""
        with refusals():
            return self._reviews.claim(self.show(name).id, self.reviewer)

    def pass_on(self, name: str) -> Review:
        """Gives up the reviewer's claim."""
        with refusals():
            return self._reviews.pass_on(self.show(name).id, self.reviewer)

    def approve(self, name: str, note: str = "") -> Review:
        """Accepts the photo."""
        with refusals():
            return self._reviews.approve(self.show(name).id, self.reviewer, note)

    def refuse(self, name: str, reason: str, note: str = "") -> Review:
        """Refuses the photo."""
        with refusals():
            return self._reviews.refuse(self.show(name).id, self.reviewer, reason, note)


@contextmanager
def refusals() -> Iterator[None]:
    """What cannot be done to a review is an error that is shown in a line."""
    try:
        yield
    except ReviewError as error:
        raise ReviewRefusedError(str(error)) from None

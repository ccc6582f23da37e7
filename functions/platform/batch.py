"""What Lambda learns of a batch of messages or records: every one that is not named here was handled.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict


class Failure(TypedDict):
    """One message or record that failed: a message's id, a record's sequence number."""

    itemIdentifier: str


class Answer(TypedDict):
    """A handler's answer, where the event source mapping asks for `ReportBatchItemFailures`."""

    batchItemFailures: list[Failure]


def answer(failed: Iterable[str]) -> Answer:
    """The answer that names what failed; it comes again.

    >>> answer(["1", "2"])
    {'batchItemFailures': [{'itemIdentifier': '1'}, {'itemIdentifier': '2'}]}
    """
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

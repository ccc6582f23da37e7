"""A subscriber of notices: its queue, and what it has been told so far."""

from __future__ import annotations

import json
from typing import Any

from happypath.operations.installation import Installation
from tests.waiting import until
from tests.workflows.driver import Driver


class Subscriber:
    """Takes everything from a queue, and remembers the details of the events by the key of the upload.

    The queues of a session get the notices of all of its uploads.
    """

    def __init__(self, installation: Installation, name: str) -> None:
        self._sqs = installation.client("sqs")
        self._url = self._sqs.get_queue_url(QueueName=f"{installation.prefix}-{name}")["QueueUrl"]
        self._told: dict[str, list[dict[str, Any]]] = {}

    def told(self, key: str) -> list[dict[str, Any]]:
        """The events of an upload that have come so far, oldest first."""
        for message in self.take():
            event = json.loads(message["Body"])
            # An event within SNS's envelope.
            event = json.loads(event["Message"]) if "Message" in event else event
            self._told.setdefault(event["detail"]["key"], []).append(event)
        return self._told.get(key, [])

    def take(self) -> list[dict[str, Any]]:
        """The messages that are there, each of which is gone then."""
        taken: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])
            taken += messages
        return taken

    def first(self, key: str, status: str) -> dict[str, Any]:
        """Waits until the queue is told of an end of an upload → the event's detail."""

        def find() -> dict[str, Any] | None:
            found = (each["detail"] for each in self.told(key) if each["detail"]["status"] == status)
            return next(found, None)

        return until(find, f"{self._url} is told that {key} is {status}")


def refused(driver: Driver) -> str:
    """Uploads what ends at once, for its key → the key."""
    key = f"no-place-{driver.new_id()}"
    driver.upload(b"no place", key)
    return key


def give_up(driver: Driver) -> tuple[str, dict[str, Any]]:
    """Has the notice of an upload given up, as after many failures → the upload's key; what is told of it."""
    failed = Subscriber(driver.installation, "notices-failed")
    failed.take()
    with driver.sandbox.faults("function:Notices=raise"):
        key = refused(driver)
        # Others that ended meanwhile are given up, too.
        message, *_ = until(failed.take, "the notice is given up")
    return key, json.loads(message["Body"])

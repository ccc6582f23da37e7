"""Uploads and deletions of few keys in random order: in the end what is shown and what is found is what lies
in the bucket. Some keys go to a workflow that catalogues; some of the others are catalogued beside theirs.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from functions.catalogue.index import left
from functions.catalogue.search import search
from happypath.operations import catalogue
from happypath.operations.installation import TERMINAL
from tests.outcomes import Row
from tests.workflows import deletions
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import drawn
from tests.workflows.pictures import answers

# What passes by itself.
FAULTS = (
    "event:upload=duplicate@20%",
    "function:StartExecution=kill@2%",
    "function:Resize=kill@2%",
    "function:Publish=timeout@3%",
    "function:Describe=kill@2%",
    "function:Index=kill@4%",
    "function:Entries=kill@4%",
    "s3:HeadObject=throttle@3%",
    "s3:PutObject=error@2%",
    "s3:DeleteObject=error@3%",
    "s3:ListObjectsV2=throttle@3%",
    "dynamodb:GetItem=throttle@3%",
    "dynamodb:Query=throttle@2%",
    "dynamodb:PutItem=error@2%",
    "dynamodb:BatchWriteItem=throttle@4%",
    "dynamodb:UpdateItem=throttle@3%",
    "dynamodb:DeleteItem=error@3%",
    "dynamodb:TransactWriteItems=throttle@3%",
    "states:StartExecution=throttle@2%",
)
_MACHINES = "arn:aws:states:us-east-1:123456789012:stateMachine:"
CATALOGUED = "catalogue/"
_SHADES = range(99)


@cache
def _photo(shade: int) -> bytes:
    # Trailing bytes make another object of the same picture.
    return drawn("JPEG", 90, 90) + bytes([shade])


def _label(shade: int) -> str:
    return f"Shade{shade % 5}"


def _words(shade: int) -> str:
    """Of a shade no other has them all."""
    return f"crowd tens{shade // 10} ones{shade % 10}"


def _queries(shade: int) -> tuple[str, str]:
    """What finds a photo."""
    return f'label:"{_label(shade)}"', f'"{_words(shade)}"'


def _seen(shade: int) -> dict[str, Any]:
    """What Rekognition says of a photo."""
    row = Row("slope.jpg", path=(), shows=(_label(shade),), reads=(_words(shade),))
    return {**answers(row), "DetectFaces": {"FaceDetails": []}}


@dataclass
class Crowd:
    """What is done to the upload bucket of a driver's sandbox, and what must be so in the end."""

    driver: Driver
    chance: random.Random
    # What each key's versions are, oldest first, and whether one is a delete marker.
    keys: dict[str, list[tuple[str, bool]]]
    done: Counter[str] = field(default_factory=Counter)
    # Events that were, to be told of once more, late.
    _deleted: list[dict[str, Any]] = field(default_factory=list)
    _created: list[dict[str, Any]] = field(default_factory=list)

    def act(self, count: int) -> None:
        """Does so many things; of one key one after the other, of different keys at once."""
        plan = [(self.chance.choice([*self.keys]), self.chance.random()) for _ in range(count)]
        by_key = {key: [what for each, what in plan if each == key] for key in self.keys}
        with ThreadPoolExecutor(4) as pool:
            for each in [pool.submit(self._act_on, key, acts) for key, acts in by_key.items()]:
                each.result()

    def _act_on(self, key: str, acts: list[float]) -> None:
        for what in acts:
            self._act(key, what)

    def _act(self, key: str, what: float) -> None:
        s3, bucket = self.driver.installation.client("s3"), self.driver.upload_bucket
        versions = self.keys[key]
        own = [version for version, is_marker in versions if not is_marker]
        markers = [version for version, is_marker in versions if is_marker]
        if what < 0.55 or not own:
            body = (
                b"\0 no photo and no text %d" % int(what * 1e9)
                if what < 0.1
                else _photo(int(what * len(_SHADES)))
            )
            put = s3.put_object(Bucket=bucket, Key=key, Body=body)
            versions.append((put["VersionId"], False))
            self._created.append(_of(bucket, key, put["VersionId"], "Object Created"))
            self.done["uploaded"] += 1
            return
        if what < 0.75:
            gone, kind = {}, "marked as deleted"
        elif what < 0.85 and markers:
            gone, kind = {"VersionId": markers[-1]}, "a marker removed"
        else:
            gone, kind = {"VersionId": own[-1 if what < 0.95 else 0]}, "deleted for good"
        deleted = s3.delete_object(Bucket=bucket, Key=key, **gone)
        if gone:
            self.keys[key] = [each for each in versions if each[0] != gone["VersionId"]]
        else:
            versions.append((deleted["VersionId"], True))
        self._deleted.append(_of(bucket, key, deleted["VersionId"], "Object Deleted"))
        self.done[kind] += 1

    def repeat(self, count: int) -> None:
        """Tells of some of what happened once more, in any order."""
        stepfunctions = self.driver.installation.client("stepfunctions")
        for event in self.chance.sample(self._deleted, min(count, len(self._deleted))):
            stepfunctions.start_execution(
                stateMachineArn=f"{_MACHINES}{self.driver.sandbox.prefix}-deletion", input=json.dumps(event)
            )
        for event in self.chance.sample(self._created, min(count, len(self._created))):
            self.driver.send(event)

    def catalogue(self, count: int) -> None:
        """Has some of what is published catalogued beside it."""
        records = [self.driver.installation.record(key) or {} for key in self.keys]
        published = [each for each in records if each.get("objStatus") == "PROCESSED"]
        for record in self.chance.sample(published, min(count, len(published))):
            catalogue.again(self.driver.installation, record)
            self.done["catalogued beside"] += 1

    def settle(self) -> None:
        """Waits until nothing goes on any longer."""
        wait_until(self._is_still, "all is still", 300)

    def _is_still(self) -> bool:
        # In this order: messages start executions, and deletions send messages.
        return self._is_idle() and self.driver.all_events_are_handled() and self._is_idle()

    def _is_idle(self) -> bool:
        client = self.driver.installation.client("stepfunctions")
        return not any(
            client.list_executions(
                stateMachineArn=f"{_MACHINES}{self.driver.sandbox.prefix}-{name}", statusFilter="RUNNING"
            )["executions"]
            for name in ("deletion", "v1", "catalogue")
        )

    def wrong(self) -> list[str]:
        """What is not as it must be, in words."""
        current = {key: self._current(key) for key in self.keys}
        shown = [f"{key}: {said}" for key, found in current.items() for said in self._wrong(key, found)]
        return shown + self._wrongly_found(current)

    def _wrongly_found(self, current: Mapping[str, tuple[str, bytes] | None]) -> list[str]:
        """Where searches and what lies in the bucket differ, and what no search needs any longer."""
        tables = deletions.tables(self.driver)
        there = {
            (key, found[0]): found[1][-1] for key, found in current.items() if found and _is_good(found[1])
        }
        said = [f"{each} is left" for each in left(tables) if each.key in current]
        for query in sorted({query for shade in _SHADES for query in _queries(shade)}):
            wanted = {
                each
                for each, shade in there.items()
                if query in (f'label:"{_label(shade)}"', f'"{_words(shade)}"')
            }
            page = search(tables, query, limit=100)
            found = {(each["key"], each["version"]) for each in page.found if each["key"] in current}
            # Not everything is catalogued that is published.
            missing = {each for each in wanted - found if each[0].startswith(CATALOGUED)}
            if found - wanted or missing:
                said.append(f"{query} finds {found - wanted}, and not {missing}")
        return said

    def _current(self, key: str) -> tuple[str, bytes] | None:
        """The version of an object, and its bytes."""
        s3 = self.driver.installation.client("s3")
        try:
            found = s3.get_object(Bucket=self.driver.upload_bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None
        return found["VersionId"], found["Body"].read()

    def _wrong(self, key: str, current: tuple[str, bytes] | None) -> list[str]:
        record = self.driver.installation.record(key)
        shown = self.driver.published(key)
        if record is None:
            return [] if current is None and not shown.renditions else ["there is no record"]
        said = []
        status, version = record["objStatus"], record.get("version")
        if status not in TERMINAL or "deletion" in record:
            said.append(f"it has no end: {record}")
        good = current is not None and _is_good(current[1])
        published = good and not key.startswith(CATALOGUED)
        if published != (shown.photo is not None) or published != (len(shown.renditions) == 2):
            said.append(
                f"{'good' if good else 'not there or bad'}, and shown is {shown.photo}, {[*shown.renditions]}"
            )
        if current is None:
            if status != "DELETED" and not (status == "REJECTED" and (version, False) not in self.keys[key]):
                said.append(f"gone, and {status}")
        elif (status, version) != ("PROCESSED" if good else "REJECTED", current[0]):
            said.append(f"{current[0]} is current, and {version} is {status}: {record}")
        return said


def _is_good(body: bytes) -> bool:
    return body.startswith(b"\xff\xd8")


def _of(bucket: str, key: str, version: str, kind: str) -> dict[str, Any]:
    stored = {"key": key, "version-id": version}
    return {"source": "aws.s3", "detail-type": kind, "detail": {"bucket": {"name": bucket}, "object": stored}}


def run(driver: Driver, seed: int, count: int, keys: int) -> Crowd:
    """Does it all, and waits for the end of it."""
    driver.go_live(f"v1 {CATALOGUED}=catalogue")
    for shade in _SHADES:
        driver.sandbox.rekognition.record(_photo(shade), _seen(shade))
    # Every fourth goes to the catalogue.
    places = [CATALOGUED.rstrip("/") if number % 4 == 0 else "the-park" for number in range(keys)]
    names: dict[str, list[tuple[str, bool]]] = {
        driver.new_key(place, "comes and goes.jpg"): [] for place in places
    }
    crowd = Crowd(driver, random.Random(seed), names)
    with driver.sandbox.faults(*FAULTS):
        for _ in range(5):
            crowd.act(count // 5)
            crowd.repeat(count // 50)
            crowd.catalogue(count // 100)
        crowd.settle()
        crowd.repeat(count // 50)
        crowd.catalogue(count // 100)
        crowd.settle()
    return crowd

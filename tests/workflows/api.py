"""The upload API as people ask it: over HTTP, with a token, and without AWS credentials."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import requests

from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.index import index, remove
from functions.catalogue.tables import Tables
from functions.ingest.record import timestamp, utc_now
from functions.upload import Upload
from happypath.operations.review import ReviewQueue
from happypath.sandbox.apigateway.issuer import AUDIENCE, REVIEWERS, SEARCHERS
from happypath.sandbox.sandbox import Sandbox
from tests.waiting import until
from tests.workflows.asked import ask
from tests.workflows.driver import Driver


class Person:
    """Somebody who has a token of the sandbox's issuer."""

    def __init__(self, sandbox: Sandbox, subject: str = "ann", *groups: str) -> None:
        stack = sandbox.client("cloudformation").describe_stacks(StackName=f"{sandbox.prefix}-api")
        (self.url,) = (each["OutputValue"] for each in stack["Stacks"][0]["Outputs"])
        token = sandbox.issuer.token(subject, AUDIENCE, groups=groups)
        self.headers = {"authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, headers=self.headers, timeout=60)

    def post(self, path: str) -> requests.Response:
        return requests.post(f"{self.url}{path}", headers=self.headers, timeout=60)

    def ask(self, **fields: Any) -> requests.Response:
        """Asks for a form for a JPEG of two bytes, or for what the fields say."""
        asked: dict[str, Any] = {
            "placeId": "the-park",
            "fileName": "photo.jpg",
            "sizeBytes": 2,
            "contentType": "image/jpeg",
        }
        return requests.post(
            f"{self.url}/uploads", json={**asked, **fields}, headers=self.headers, timeout=60
        )

    def status(self, upload_id: str) -> requests.Response:
        return self.get(f"/uploads/{upload_id}")

    def ended(self, upload_id: str) -> dict[str, Any]:
        """Asks again and again, until the upload has its outcome."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.status(upload_id).json()
            return None if found["status"] in {"WAITING", "RECEIVED"} else found

        return until(look, f"{upload_id} has ended")


def send(form: dict[str, Any], body: bytes, **fields: str) -> requests.Response:
    """Sends a form, with some fields changed; the file comes last, as S3 wants it."""
    parts: dict[str, Any] = {name: (None, value) for name, value in {**form["fields"], **fields}.items()}
    return requests.post(form["url"], files={**parts, "file": ("photo.jpg", body)}, timeout=60)


def review(driver: Driver) -> None:
    """Has photos reviewed by the API; where one call is denied, there are the others."""
    ann, rita = Person(driver.sandbox), Person(driver.sandbox, "rita", REVIEWERS)
    for versioned in (True, False):
        asked = ann.ask()
        # The id says whose it is.
        key = asked.json()["uploadId"] if asked.ok else driver.new_key()
        name = driver.new_id("by-the-api")
        waiting = ask(driver.installation, key, b"a photo", name, versioned=versioned)
        rita.get("/reviews")
        shown = rita.get(f"/reviews/{waiting.id}")
        if not rita.post(f"/reviews/{waiting.id}/approve").ok:
            ReviewQueue(driver.installation, "somebody else").approve(waiting.id)
        waiting.decision(driver.installation)
        if shown.ok:
            photo = requests.get(shown.json()["photo"], timeout=60)
            assert photo.content == b"a photo" or photo.status_code == HTTPStatus.FORBIDDEN


def search(driver: Driver) -> list[dict[str, Any]]:
    """Has two uploads catalogued and searched, page by page; where one call is denied, there is nothing."""
    dynamodb = driver.installation.client("dynamodb")
    tables = Tables(dynamodb, driver.installation.core["CatalogueTable"], driver.installation.core["Table"])
    label = driver.new_id("searched")
    keys = [driver.new_key() for _ in range(2)]
    for number, key in enumerate(keys):
        place_id, _, upload_id = key.partition("/")
        upload = Upload(driver.upload_bucket, key, place_id, upload_id, str(number))
        known = {
            "objStatus": "PROCESSED",
            "bucket": upload.bucket,
            "version": str(number),
            "workflow": "v1",
            "receivedAt": timestamp(utc_now()),
        }
        item = {"PK": "workflow", "SK": key, "key": key, "placeId": place_id, **known}
        dynamodb.put_item(
            TableName=driver.installation.core["Table"],
            Item={name: {"S": each} for name, each in item.items()},
        )
        entries.write_part(
            tables, upload, 0, [Entry("label", label)], workflow="v1", at=utc_now(), type="jpg"
        )
        index(tables, upload)
    sam = Person(driver.sandbox, "sam", SEARCHERS)
    found: list[dict[str, Any]] = []
    query = {"q": f"label:{label}", "limit": "1"}
    while (page := sam.get("/search", **query)).ok:
        found += page.json()["uploads"]
        if page.json()["cursor"] is None:
            break
        query["cursor"] = page.json()["cursor"]
    for key in keys:
        # No object is there: others would find it left over.
        dynamodb.delete_item(
            TableName=driver.installation.core["Table"], Key={"PK": {"S": "workflow"}, "SK": {"S": key}}
        )
        remove(tables, key)
    return found

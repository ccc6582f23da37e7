"""The upload API as people ask it: over HTTP, with a token, and without AWS credentials."""

from __future__ import annotations

from typing import Any

import requests

from happypath.sandbox.apigateway.issuer import AUDIENCE
from happypath.sandbox.sandbox import Sandbox
from tests.waiting import until


class Person:
    """Somebody who has a token of the sandbox's issuer."""

    def __init__(self, sandbox: Sandbox, subject: str = "ann") -> None:
        stack = sandbox.client("cloudformation").describe_stacks(StackName=f"{sandbox.prefix}-api")
        (self.url,) = (each["OutputValue"] for each in stack["Stacks"][0]["Outputs"])
        self.headers = {"authorization": f"Bearer {sandbox.issuer.token(subject, AUDIENCE)}"}

    def get(self, path: str, **query: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query, headers=self.headers, timeout=60)

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

"""Uploads through the sandbox, and their traces as X-Ray gives them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from PIL import Image

from happypath.operations.executions import name_of
from happypath.operations.installation import TERMINAL, Installation
from happypath.sandbox.sandbox import Sandbox
from happypath.sandbox.xray.documents import Document
from happypath.sandbox.xray.store import parts
from tests.live import go_live
from tests.waiting import until

T = TypeVar("T")


@cache
def photo(width: int = 900, height: int = 800) -> bytes:
    """A picture of a slope."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "JPEG")
    return file.getvalue()


@dataclass(frozen=True)
class Traced:
    """An upload that has ended, and the documents of its trace."""

    record: dict[str, Any]
    documents: list[Document]
    states: list[str]

    @property
    def parts(self) -> list[Document]:
        """All segments and subsegments."""
        return [part for document in self.documents for part in parts(document)]

    def of(self, origin: str) -> list[Document]:
        return [document for document in self.documents if document.get("origin") == origin]

    @property
    def machine(self) -> Document:
        """The segment of the upload's execution. Uploads of one batch share a trace."""
        machines = self.of("AWS::StepFunctions::StateMachine")
        # The record does not know the id that an Express execution has beside its name.
        name = name_of(self.record["executionArn"])
        (own,) = [each for each in machines if name_of(each["aws"]["execution_arn"]) == name]
        return own

    def annotated(self, name: str) -> set[Any]:
        """The values of an annotation, anywhere in the trace."""
        return {part["annotations"][name] for part in self.parts if name in part.get("annotations", {})}


class Uploads:
    """Makes uploads, and waits for their ends."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.installation = Installation(sandbox.client, sandbox.prefix)
        self._sandbox = sandbox
        self._prefix = sandbox.prefix
        self._numbers = itertools.count(1)
        for place_type in ("park", "bar"):
            self.installation.put_place(f"traced-{place_type}", place_type, "A place")

    @contextmanager
    def live(self, workflow: str) -> Iterator[None]:
        """Makes a workflow live at once, and what was live before again at the end."""
        name = self.installation.core["LiveParameter"]
        before = self.installation.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        go_live(self.installation, workflow)
        try:
            yield
        finally:
            go_live(self.installation, before)

    def put(self, body: bytes, place: str = "traced-park", *, trace: str | None = None) -> str:
        """Uploads a photo, in a trace of the uploader's if there is one, and returns its key."""
        key = f"{place}/traced-{next(self._numbers)}.jpg"
        self.installation.client("s3").put_object(
            Bucket=self.installation.core["UploadBucket"],
            Key=key,
            Body=body,
            # Over HTTP it is the header x-amz-meta-x-amzn-trace-id.
            Metadata={} if trace is None else {"x-amzn-trace-id": trace},
        )
        return key

    def put_unnoticed(self, body: bytes) -> str:
        """Uploads a photo of which no event tells, and returns its key."""
        rule = {"Name": f"{self._prefix}-uploaded"}
        self.installation.client("events").disable_rule(**rule)
        try:
            return self.put(body)
        finally:
            self.installation.client("events").enable_rule(**rule)

    def lost(self) -> Traced:
        """An upload whose photo is gone when the tasks ask for it: it fails for good."""
        with self._sandbox.faults("s3:GetObject=gone"):
            return self.ended(self.put(photo()))

    def ended(self, key: str, *, is_traced: bool = True) -> Traced:
        """Waits for the end of an upload and of its execution, and reads its trace."""

        def record() -> dict[str, Any] | None:
            found = self.installation.record(key)
            if found is None or found["objStatus"] not in TERMINAL:
                return None
            arn = found.get("executionArn")
            return found if not arn or self.installation.execution_ended(arn) else None

        found = until(record, f"{key} ends")
        arn = found.get("executionArn")
        states = [step.state for step in self.installation.steps(arn)] if arn else []
        read = self._whole if is_traced else self._read
        return Traced(found, read(found["traceId"]), states)

    def _read(self, trace_id: str) -> list[Document]:
        traces = self.installation.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
        return [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]

    def _whole(self, trace_id: str) -> list[Document]:
        """The documents of a trace, once all that began in it has ended."""

        def whole() -> list[Document] | None:
            found = self._read(trace_id)
            entities = [part for document in found for part in parts(document)]
            # A function is told of after it has answered, and the answer is what brings the upload on.
            known = {"", OUTSIDE, *(part["id"] for part in entities)}
            is_whole = all(each.get("parent_id", "") in known for each in found)
            return None if any("end_time" not in part for part in entities) or not is_whole else found

        return until(whole, f"the trace {trace_id} is whole")


# The segment of an uploader, who tells nobody of it.
OUTSIDE = "0123456789abcdef"

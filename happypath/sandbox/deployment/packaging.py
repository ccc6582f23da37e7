"""What `sam package` does: puts code and definitions into S3 and names them in the template."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from happypath.project import ROOT
from happypath.sandbox.deployment.serverless import parse
from happypath.sandbox.function_host.code import USES_INSTALLED

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def package(template: Path, s3: S3Client, bucket: str) -> str:
    """The template, with its local files uploaded to `bucket` and referred to there.

    Raises:
        FileNotFoundError: the template, or a state machine that it names, does not exist.
        ValidationError: it is no template.
    """
    document = parse(template.read_text(encoding="utf-8"))
    code: dict[str, str] | None = None
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            code = code or _upload(s3, bucket, _functions_zip(), ".zip")
            properties["CodeUri"] = code
            # Says how `sam build` makes the code, which has been done here.
            resource.pop("Metadata", None)
        elif resource["Type"] == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            definition = (template.parent / properties["DefinitionUri"]).read_bytes()
            properties["DefinitionUri"] = _upload(s3, bucket, definition, ".asl.json")
    return json.dumps(document)


def _functions_zip() -> bytes:
    """The `functions` package without its libraries, the same bytes for the same files."""
    # As templates/Makefile leaves them out.
    files = (
        path
        for path in sorted((ROOT / "functions").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    )
    return _zipped(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=1)
def _zipped(files: tuple[tuple[Path, int, int], ...]) -> bytes:
    """These files, each with its time and size: as long as they are the same, so is the archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as contents:
        for path, _, _ in files:
            contents.writestr(zipfile.ZipInfo(path.relative_to(ROOT).as_posix()), path.read_bytes())
        contents.writestr(zipfile.ZipInfo(USES_INSTALLED), b"")
    return archive.getvalue()


def _upload(s3: S3Client, bucket: str, body: bytes, suffix: str) -> dict[str, Any]:
    key = hashlib.sha256(body).hexdigest() + suffix
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return {"Bucket": bucket, "Key": key}

"""Makes an upload found by what tasks have left in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.catalogue import entries
from functions.catalogue.description import told
from functions.catalogue.index import index
from functions.catalogue.tables import Tables
from functions.platform.aws import client, prepare
from functions.platform.settings import CatalogueSettings, read
from functions.platform.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(CatalogueSettings)
prepare("dynamodb")


@task
def handler(upload: Upload, event: Event) -> Result:
    """Indexes the parts that the tasks before it wrote; what is doubtful only if a person has approved of it.

    The event's `decision` is that of whoever decided last. The result is what the upload's record says of it:
    its detail, or after a review `functions.catalogue.description.told`.
    """
    decision = event["decision"]
    if upload.dry_run:
        return dict(decision["detail"])
    tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
    index(tables, upload, parts=_parts(decision))
    if "review" not in decision["detail"]:
        return dict(decision["detail"])
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    return told(each for part in entries.read(tables, upload.key, own) for each in part.entries)


def _parts(decision: Mapping[str, Any]) -> int:
    """How many parts count: of a document as many as its decision says, of a picture what is sure; and what
    is doubtful, if a person was asked and has approved.
    """
    detail = decision["detail"]
    if "review" in detail:
        return 2 if decision["accepted"] else 1
    return int(detail.get("parts", 1))

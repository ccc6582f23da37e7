"""Leaves in the catalogue what is on a picture: each operation of Rekognition is asked once."""

from __future__ import annotations

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.catalogue import entries, key_pattern
from functions.catalogue.description import Rules, asked, described, told
from functions.catalogue.tables import Tables
from functions.decision import Decision, Reason
from functions.imaging.header import header
from functions.platform.aws import client, prepare
from functions.platform.decider import decider
from functions.platform.settings import CatalogueSettings, read
from functions.platform.source_object import open_photo
from functions.upload import Upload

SETTINGS = read(CatalogueSettings)
prepare("s3", "rekognition", "dynamodb")


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Writes part 0 of an upload's entries, of what is sure, and part 1 of what a person is to decide about.

    Nobody is recognised by a face: faces are counted. The detail is that of
    `functions.catalogue.description.told`; where a person is asked, the Decision is NEEDS_REVIEW, and the
    labels in question are `doubtful` in the detail, with their `boxes`.
    """
    photo = open_photo(upload)
    type_ = header(photo).type
    analysis = PhotoAnalysis(upload)
    said = key_pattern.told(upload.key, rules.keys)
    found = described(
        analysis.labels(rules.catalogue_from),
        analysis.lines(rules.catalogue_from),
        analysis.faces(rules.catalogue_from),
        len(analysis.words(rules.catalogue_from)),
        rules,
        said,
    )
    if not upload.dry_run:
        tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
        for part, listed in enumerate([found.entries, *([found.doubtful] if found.doubtful else [])]):
            entries.write_part(
                tables,
                upload,
                part,
                listed,
                workflow=upload.workflow,
                at=said.time or photo.last_modified,
                type=type_,
            )
    if found.doubtful:
        return Decision.reject(Reason.NEEDS_REVIEW, doubtful=asked(found.doubtful), **told(found.entries))
    return Decision.accept(**told(found.entries))

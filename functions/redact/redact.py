"""Makes what must not be seen on a photo unrecognisable, and publishes what is proven to be so."""

from __future__ import annotations

from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import ResizeSettings, read
from functions.platform.source_object import open_photo
from functions.platform.task import Event, Result, task
from functions.publish import distribution
from functions.redact.redaction import Rules, redact, told
from functions.upload import Upload

SETTINGS = read(ResizeSettings)
prepare("s3", "rekognition", "dynamodb")


@task
def handler(upload: Upload, event: Event) -> Result:
    """Writes `<key>/redacted.<type>` when that has been looked at, and nothing of a photo before it; in a dry
    run not even then.

    The result has `width` and `height` of the upright photo, and `redacted`: its `key`, `width`, `height` and
    `bytes`, how many `faces` and `lines` of text were made unrecognisable in it, in how many `passes`, and
    `regions`: where the first of them are.

    Raises:
        Rejection: as `functions.redact.redaction.redact`.
    """
    by = rules.read(Rules, event.get("rules"))
    photo = open_photo(upload)
    made = redact(photo.fetch(), by, max_pixels=SETTINGS.max_pixels)
    size = {"width": made.of.width, "height": made.of.height}
    measure(PhotoBytes=photo.size_bytes, PhotoPixels=size["width"] * size["height"])
    key = upload.rendition_key("redacted", made.type)
    if not upload.dry_run:
        distribution.publish(
            upload,
            event["executionArn"],
            {key: made.data},
            bucket=SETTINGS.distribution_bucket,
            table_name=SETTINGS.table_name,
        )
    redacted = {"key": key, **size, "bytes": len(made.data), "passes": made.passes, **told(made.regions)}
    return {**size, "redacted": redacted}

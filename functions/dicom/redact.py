"""Publishes a DICOM file without what says whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from functions.decision import Reason, Rejection
from functions.dicom.pseudonyms import installation_secret, pseudonyms
from functions.dicom.redaction import Limits, Look, redacted
from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import DicomSettings, read
from functions.platform.source_object import open_photo
from functions.platform.task import Event, Result, task
from functions.platform.values import entries, number, percent, value, whole
from functions.publish import distribution
from functions.redact.finding import Sought
from functions.upload import Upload, rendition_key

SETTINGS = read(DicomSettings)
prepare("s3", "dynamodb", "kms", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`min_confidence`: how surely words must be read, in percent; `keep`: text that may stay, such as L
    and R; `margin`: how far beyond a line is masked, in parts of its shorter side; `max_frames` and
    `max_looks`: the most frames, and looks at all of them, before a file is refused.
    """

    min_confidence: float = value(percent)
    keep: tuple[str, ...] = value(entries, ())
    margin: float = value(number(0, 2), 0.25)
    max_frames: int = value(whole(1, 10_000), 1_000)
    max_looks: int = value(whole(1, 10_000), 200)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Writes `<key>/redacted.dcm`, and `<key>/preview.png` of its first frame; in a dry run, nothing.

    The result has what `publish` needs: `width` and `height`, and the `key` of each by its name; and with
    the first how many `looks` there were at all frames, places `masked`, and attributes `forgotten` beside
    the profile's.
    """
    by = rules.read(Rules, event.get("rules"))
    file = open_photo(upload)
    if file.size_bytes > SETTINGS.max_file_bytes:
        raise Rejection.because(
            Reason.IMAGE_TOO_LARGE, size_bytes=file.size_bytes, max_size_bytes=SETTINGS.max_file_bytes
        )
    # What a dry run makes is thrown away.
    secret = b"dry run" if upload.dry_run else installation_secret(SETTINGS.uid_key)
    made = redacted(
        file.fetch(),
        pseudonyms(secret),
        Look(Sought(frozenset({"text"}), by.min_confidence, by.keep), by.margin),
        Limits(SETTINGS.max_file_bytes, SETTINGS.max_pixel_bytes, by.max_frames, by.max_looks),
    )
    measure(
        PhotoBytes=file.size_bytes, PhotoPixels=made.pixels.rows * made.pixels.columns * made.pixels.frames
    )
    keys = {
        name: rendition_key(upload.key, name, extension)
        for name, extension in (("redacted", "dcm"), ("preview", "png"))
    }
    if not upload.dry_run:
        distribution.publish(
            upload,
            event["executionArn"],
            {keys["redacted"]: made.dicom, keys["preview"]: made.preview},
            bucket=SETTINGS.distribution_bucket,
            table_name=SETTINGS.table_name,
        )
    return {
        "width": made.pixels.columns,
        "height": made.pixels.rows,
        "redacted": {
            "key": keys["redacted"],
            "bytes": len(made.dicom),
            "frames": made.pixels.frames,
            **made.detail,
        },
        "preview": {"key": keys["preview"], "bytes": len(made.preview)},
    }

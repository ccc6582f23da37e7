"""Buckets that keep versions and announce their objects, as that of the uploads does."""

from __future__ import annotations

from happypath.sandbox.sandbox import Sandbox


def test_a_bucket_is_emptied_version_by_version(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    bucket = {"Bucket": "buckets-versions"}
    s3.create_bucket(**bucket)
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        **bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    for body in (b"1", b"2"):
        s3.put_object(**bucket, Key="place/photo.jpg", Body=body)
    s3.delete_object(**bucket, Key="place/photo.jpg")

    # Last of all goes the delete marker, which has neither a size nor an ETag to be announced with.
    found = s3.list_object_versions(**bucket)
    for each in [*found["Versions"], *found["DeleteMarkers"]]:
        s3.delete_object(**bucket, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(**bucket)
    assert bucket["Bucket"] not in {each["Name"] for each in s3.list_buckets()["Buckets"]}

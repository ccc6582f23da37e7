"""What requests to S3 need, which in policies have names of their own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from happypath.sandbox.front.multipart import MOST_FIELDS_BYTES, Form
from happypath.sandbox.iam import encryption
from happypath.sandbox.iam.calls import body_of
from happypath.sandbox.iam.needs import Need
from happypath.sandbox.wsgi import Environ

# Of an object: method and subresource → the action, and with a version the other one.
_OBJECT = {
    ("GET", ""): ("GetObject", "GetObjectVersion"),
    ("GET", "acl"): ("GetObjectAcl", "GetObjectVersionAcl"),
    ("GET", "attributes"): ("GetObject", "GetObjectVersion"),
    ("GET", "legal-hold"): ("GetObjectLegalHold", "GetObjectLegalHold"),
    ("GET", "retention"): ("GetObjectRetention", "GetObjectRetention"),
    ("GET", "tagging"): ("GetObjectTagging", "GetObjectVersionTagging"),
    ("GET", "torrent"): ("GetObjectTorrent", "GetObjectVersionTorrent"),
    ("GET", "uploadId"): ("ListMultipartUploadParts", "ListMultipartUploadParts"),
    ("HEAD", ""): ("GetObject", "GetObjectVersion"),
    ("PUT", ""): ("PutObject", "PutObject"),
    ("PUT", "acl"): ("PutObjectAcl", "PutObjectVersionAcl"),
    ("PUT", "legal-hold"): ("PutObjectLegalHold", "PutObjectLegalHold"),
    ("PUT", "retention"): ("PutObjectRetention", "PutObjectRetention"),
    ("PUT", "tagging"): ("PutObjectTagging", "PutObjectVersionTagging"),
    ("PUT", "uploadId"): ("PutObject", "PutObject"),
    ("POST", "restore"): ("RestoreObject", "RestoreObject"),
    ("POST", "select"): ("GetObject", "GetObject"),
    ("POST", "uploadId"): ("PutObject", "PutObject"),
    ("POST", "uploads"): ("PutObject", "PutObject"),
    ("DELETE", ""): ("DeleteObject", "DeleteObjectVersion"),
    ("DELETE", "tagging"): ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    ("DELETE", "uploadId"): ("AbortMultipartUpload", "AbortMultipartUpload"),
}
# Of a bucket: the subresource → what reads it, writes it, and deletes it.
_BUCKET = {
    "accelerate": ("GetAccelerateConfiguration", "PutAccelerateConfiguration", ""),
    "acl": ("GetBucketAcl", "PutBucketAcl", ""),
    "analytics": ("GetAnalyticsConfiguration", "PutAnalyticsConfiguration", "PutAnalyticsConfiguration"),
    "cors": ("GetBucketCORS", "PutBucketCORS", "PutBucketCORS"),
    "encryption": ("GetEncryptionConfiguration", "PutEncryptionConfiguration", "PutEncryptionConfiguration"),
    "intelligent-tiering": (
        "GetIntelligentTieringConfiguration",
        "PutIntelligentTieringConfiguration",
        "PutIntelligentTieringConfiguration",
    ),
    "inventory": ("GetInventoryConfiguration", "PutInventoryConfiguration", "PutInventoryConfiguration"),
    "lifecycle": ("GetLifecycleConfiguration", "PutLifecycleConfiguration", "PutLifecycleConfiguration"),
    "location": ("GetBucketLocation", "", ""),
    "logging": ("GetBucketLogging", "PutBucketLogging", ""),
    "metrics": ("GetMetricsConfiguration", "PutMetricsConfiguration", "PutMetricsConfiguration"),
    "notification": ("GetBucketNotification", "PutBucketNotification", ""),
    "object-lock": ("GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration", ""),
    "ownershipControls": (
        "GetBucketOwnershipControls",
        "PutBucketOwnershipControls",
        "PutBucketOwnershipControls",
    ),
    "policy": ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "policyStatus": ("GetBucketPolicyStatus", "", ""),
    "publicAccessBlock": (
        "GetBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
    ),
    "replication": (
        "GetReplicationConfiguration",
        "PutReplicationConfiguration",
        "PutReplicationConfiguration",
    ),
    "requestPayment": ("GetBucketRequestPayment", "PutBucketRequestPayment", ""),
    "tagging": ("GetBucketTagging", "PutBucketTagging", "PutBucketTagging"),
    "uploads": ("ListBucketMultipartUploads", "", ""),
    "versioning": ("GetBucketVersioning", "PutBucketVersioning", ""),
    "versions": ("ListBucketVersions", "", ""),
    "website": ("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
}
_METHODS = ("GET", "PUT", "DELETE")
_SUBRESOURCES = ("uploadId", *(name for _, name in _OBJECT if name and name != "uploadId"))
# Headers that are condition keys, and parameters that are.
_HEADERS = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
)
_PARAMETERS = ("prefix", "delimiter", "max-keys")


def bucket_and_key(environ: Environ) -> tuple[str, str]:
    """The bucket and the key that a request names, in its path or with the bucket in its host."""
    path = environ.get("RAW_URI", "").partition("?")[0]
    if path.startswith("http"):
        path = "/" + path.split("/", 3)[-1]
    path = unquote(path) if path else environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    host = environ.get("HTTP_HOST", "").partition(":")[0]
    bucket, dot, _ = host.partition(".s3")
    if dot:
        return bucket, path[1:]
    bucket, _, key = path[1:].partition("/")
    return bucket, key


def is_form(environ: Environ) -> bool:
    """Whether a request is a browser's form, whose signature and key are fields."""
    form = str(environ.get("CONTENT_TYPE", "")).startswith("multipart/form-data")
    return form and environ["REQUEST_METHOD"] == "POST"


def signer_of_form(environ: Environ) -> str | None:
    """The access key that signed a form, if one did."""
    fields = _form(environ).fields
    credential = fields.get("x-amz-credential")
    return credential.partition("/")[0] if credential else fields.get("awsaccesskeyid")


def _form(environ: Environ) -> Form:
    """A form as far as its file; without fields, if it is none that S3 takes."""
    form = Form(environ.get("CONTENT_TYPE"))
    try:
        form.feed(body_of(environ)[: 2 * MOST_FIELDS_BYTES])
    except ValueError:
        return Form(environ.get("CONTENT_TYPE"))
    return form


def needs(environ: Environ) -> Iterator[Need]:
    """The actions that a request needs, and on what."""
    method = environ["REQUEST_METHOD"]
    bucket, key = bucket_and_key(environ)
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not bucket:
        yield Need("s3:ListAllMyBuckets", "*")
        return
    arn = f"arn:aws:s3:::{bucket}"
    context = dict(_context(environ, query))
    if key:
        yield from _of_object(environ, method, f"{arn}/{key}", query, context)
        yield from _of_encryption(environ, method, bucket, key, query)
    elif method == "POST" and "delete" in query:
        # The bucket says of each object whether it may be deleted.
        return
    elif method == "POST":
        # A form of a browser; its key is in the form.
        form = _form(environ)
        form_key = form.fields.get("key", "").replace("${filename}", form.file_name)
        yield Need("s3:PutObject", f"{arn}/{form_key}", context)
        if "acl" in form.fields:
            yield Need("s3:PutObjectAcl", f"{arn}/{form_key}", context)
        yield from encryption.of_writing(bucket, form_key, form.fields)
    else:
        yield Need(f"s3:{_of_bucket(method, query)}", arn, context)


def _of_encryption(
    environ: Environ, method: str, bucket: str, key: str, query: dict[str, Any]
) -> Iterator[Need]:
    """What a request needs of the key that an object is or will be encrypted with."""
    version = query["versionId"][0] if "versionId" in query else None
    subresource = next((name for name in _SUBRESOURCES if name in query), "")
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
    if source and method == "PUT":
        path, _, of_source = unquote(source).lstrip("/").partition("?versionId=")
        source_bucket, _, source_key = path.partition("/")
        yield from encryption.of_reading(source_bucket, source_key, of_source or None)
    match method, subresource:
        case "GET", "":
            yield from encryption.of_reading(bucket, key, version)
        case "HEAD", "" if environ.get("HTTP_X_AMZ_CHECKSUM_MODE"):
            yield from encryption.of_checksum(bucket, key, version)
        case ("PUT", "") | ("POST", "uploads"):
            yield from encryption.of_writing(bucket, key, dict(_headers(environ)))
        case (("PUT" | "POST"), "uploadId"):
            upload_id = query["uploadId"][0]
            yield from encryption.of_parts(bucket, key, upload_id, completes=method == "POST")


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name in encryption.HEADERS:
        value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        if value:
            yield name, value


def _of_bucket(method: str, query: dict[str, Any]) -> str:
    subresource = next((name for name in _BUCKET if name in query), "")
    if subresource and method in _METHODS:
        return _BUCKET[subresource][_METHODS.index(method)] or f"{method.title()}Bucket"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, "ListBucket")


def _of_object(
    environ: Environ, method: str, arn: str, query: dict[str, Any], context: dict[str, tuple[str, ...]]
) -> Iterator[Need]:
    subresource = next((name for name in _SUBRESOURCES if name in query), "")
    plain, versioned = _OBJECT.get((method, subresource), (f"{method.title()}Object",) * 2)
    action = versioned if "versionId" in query else plain
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
    if source and method == "PUT":
        path, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield Need(f"s3:{'GetObjectVersion' if version else 'GetObject'}", f"arn:aws:s3:::{path}", context)
    yield Need(f"s3:{action}", arn, context)
    if subresource == "attributes":
        also = "GetObjectVersionAttributes" if "versionId" in query else "GetObjectAttributes"
        yield Need(f"s3:{also}", arn, context)
    if action == "PutObject" and method in {"PUT", "POST"} and subresource != "uploadId":
        if any(name.startswith(("HTTP_X_AMZ_GRANT_", "HTTP_X_AMZ_ACL")) for name in environ):
            yield Need("s3:PutObjectAcl", arn, context)
        if environ.get("HTTP_X_AMZ_TAGGING"):
            yield Need("s3:PutObjectTagging", arn, context)


def _context(environ: Environ, query: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in _HEADERS:
        value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        if value is not None:
            yield f"s3:{name}", (value,)
    for name in _PARAMETERS:
        if name in query:
            yield f"s3:{name}", tuple(query[name])
    if "versionId" in query:
        yield "s3:versionid", tuple(query["versionId"])

"""What a request says of its own bytes: Content-MD5, x-amz-checksum-…, x-amz-content-sha256.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.s3.request import S3Request

_MD5_BYTES = 16
_CHUNK = re.compile(rb"([0-9a-fA-F]+)(?:;[^\r\n]*)?\r\n")
_TRAILER = re.compile(rb"(x-amz-checksum-[a-z0-9]+):([^\r\n]+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _sha(algorithm: Callable[..., hashlib._Hash]) -> Callable[[bytes], bytes]:
    return lambda data: algorithm(data, usedforsecurity=False).digest()


def _crc(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    """A cyclic redundancy check, reflected, with all bits set before and inverted after."""

    @cache
    def table() -> tuple[int, ...]:
        entries = []
        for entry in range(256):
            for _ in range(8):
                entry = (entry >> 1) ^ (polynomial if entry & 1 else 0)  # noqa: PLW2901  # it is shifted out
            entries.append(entry)
        return tuple(entries)

    def digest(data: bytes) -> bytes:
        entries, mask = table(), (1 << bits) - 1
        value = mask
        for byte in data:
            value = (value >> 8) ^ entries[(value ^ byte) & 0xFF]
        return (value ^ mask).to_bytes(bits // 8, "big")

    return digest


CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": _crc(0x82F63B78, 32),
    "crc64nvme": _crc(0x9A6C9329AC4BC9B5, 64),
    "sha1": _sha(hashlib.sha1),
    "sha256": _sha(hashlib.sha256),
}


def check(request: S3Request, body: bytes) -> ErrorAnswer | None:
    """The answer to a request whose bytes are not what it says; nothing is stored then."""
    data, trailers = _decoded(request, body)
    return (
        _check_md5(request, data) or _check_sha256(request, data) or _check_checksums(request, data, trailers)
    )


def _decoded(request: S3Request, body: bytes) -> tuple[bytes, dict[str, str]]:
    """The data, without what `aws-chunked` puts between its pieces, and the trailing headers."""
    if not (request.header("x-amz-content-sha256") or "").startswith("STREAMING-"):
        return body, {}
    pieces, at = [], 0
    while found := _CHUNK.match(body, at):
        size = int(found[1], 16)
        at = found.end()
        if size == 0:
            break
        pieces.append(body[at : at + size])
        at += size + 2
    trailers = {name.decode(): value.decode("latin-1").strip() for name, value in _TRAILER.findall(body, at)}
    return b"".join(pieces), trailers


def _check_md5(request: S3Request, data: bytes) -> ErrorAnswer | None:
    given = request.header("content-md5")
    if given is None:
        return None
    expected = _from_base64(given)
    if expected is None or len(expected) != _MD5_BYTES:
        return ErrorAnswer(
            400, "InvalidDigest", "The Content-MD5 you specified was invalid.", {"Content-MD5": given}
        )
    calculated = hashlib.md5(data, usedforsecurity=False).digest()
    if calculated == expected:
        return None
    return ErrorAnswer(
        400,
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        {"ExpectedDigest": given, "CalculatedDigest": base64.b64encode(calculated).decode()},
    )


def _check_sha256(request: S3Request, data: bytes) -> ErrorAnswer | None:
    given = request.header("x-amz-content-sha256") or ""
    if not _SHA256.fullmatch(given):
        return None
    calculated = hashlib.sha256(data).hexdigest()
    if calculated == given:
        return None
    return ErrorAnswer(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        {"ClientComputedContentSHA256": given, "S3ComputedContentSHA256": calculated},
    )


def _check_checksums(request: S3Request, data: bytes, trailers: Mapping[str, str]) -> ErrorAnswer | None:
    # Of a POST they say how an object of parts is summed up, not what its body is.
    if not request.key or request.method != "PUT":
        return None
    given = {
        name: value
        for name in CHECKSUMS
        if (value := request.header(f"x-amz-checksum-{name}") or trailers.get(f"x-amz-checksum-{name}"))
    }
    if len(given) > 1:
        return ErrorAnswer(
            400,
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    for name, value in given.items():
        calculated = CHECKSUMS[name](data)
        expected = _from_base64(value)
        if expected is None or len(expected) != len(calculated):
            return ErrorAnswer(400, "InvalidRequest", f"Value for x-amz-checksum-{name} header is invalid.")
        if calculated != expected:
            return ErrorAnswer(
                400, "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum."
            )
    return None


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None

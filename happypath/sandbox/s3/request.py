"""A request to S3: whose bucket and object it is about, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qs, unquote_to_bytes

from happypath.sandbox.wsgi import Environ


@dataclass(frozen=True)
class S3Request:
    """A request as WSGI has it, but for its body."""

    environ: Environ

    @property
    def method(self) -> str:
        """GET, PUT, …"""
        return str(self.environ["REQUEST_METHOD"])

    @cached_property
    def raw_path(self) -> str:
        """The path as it was sent, encoded."""
        uri: str = self.environ.get("RAW_URI") or self.environ.get("PATH_INFO", "/")
        if "://" in uri.split("?", 1)[0]:
            uri = "/" + uri.split("://", 1)[1].partition("/")[2]
        return uri.split("?", 1)[0] or "/"

    @property
    def resource(self) -> str:
        """The bucket and the key, encoded, wherever the bucket's name is."""
        return f"/{self._host_bucket}{self.raw_path}" if self._host_bucket else self.raw_path

    @property
    def raw_query(self) -> str:
        """The query as it was sent, encoded."""
        return str(self.environ.get("QUERY_STRING", ""))

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query's parameters, each with its first value."""
        return {name: values[0] for name, values in parse_qs(self.raw_query, keep_blank_values=True).items()}

    @property
    def _host_bucket(self) -> str:
        """The bucket in the host's name, as in `bucket.localhost`; empty without."""
        host = self.environ.get("HTTP_HOST", "").rsplit(":", 1)[0].lower()
        return host.removesuffix(".localhost") if host.endswith(".localhost") else ""

    @cached_property
    def _parts(self) -> tuple[str, bytes]:
        path = unquote_to_bytes(self.raw_path[1:])
        if self._host_bucket:
            return self._host_bucket, path
        bucket, _, key = path.partition(b"/")
        return bucket.decode(errors="replace"), key

    @property
    def bucket(self) -> str:
        """The bucket's name; empty for requests about all buckets."""
        return self._parts[0]

    @property
    def key(self) -> bytes:
        """The object's key in UTF-8; empty for requests about the bucket."""
        return self._parts[1]

    def header(self, name: str) -> str | None:
        """A header's value."""
        key = name.upper().replace("-", "_")
        value = self.environ.get(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}")
        return None if value is None else str(value)

    def headers(self) -> Iterator[tuple[str, str]]:
        """All headers, with names in lower case."""
        for key, value in self.environ.items():
            if key.startswith("HTTP_"):
                yield key[5:].lower().replace("_", "-"), str(value)
            elif key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value:
                yield key.lower().replace("_", "-"), str(value)

"""What a bucket's rules say to a browser's page of another origin.

The answers are those that LocalStack recorded of AWS (test_s3_cors.py, 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
import requests

from happypath.sandbox.sandbox import Sandbox

BUCKET = "cors-of-a-bucket"
RULES = [
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
    {
        "AllowedMethods": ["GET", "PUT"],
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedHeaders": ["x-amz-*", "Content-Type"],
        "ExposeHeaders": ["ETag", "x-amz-request-id"],
        "MaxAgeSeconds": 30,
    },
]
HERE = "https://app.example.com"


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": RULES})
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    yield f"{sandbox.endpoint}/{BUCKET}/k"
    s3.delete_object(Bucket=BUCKET, Key="k")
    s3.delete_bucket(Bucket=BUCKET)


def asked(url: str, **headers: str) -> requests.Response:
    return requests.options(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=30
    )


def of_cors(response: requests.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("Access-Control")}


def test_a_page_may_do_what_a_rule_allows(url: str) -> None:
    answer = asked(
        url,
        Origin=HERE,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="Content-Type, X-Amz-Date",
    )
    assert answer.status_code == 200
    assert of_cors(answer) == {
        "Access-Control-Allow-Origin": HERE,
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Allow-Headers": "content-type, x-amz-date",
        "Access-Control-Expose-Headers": "ETag, x-amz-request-id",
        "Access-Control-Max-Age": "30",
        "Access-Control-Allow-Credentials": "true",
    }
    assert answer.headers["Vary"].startswith("Origin, ")


def test_the_first_rule_that_fits_is_the_answer(url: str) -> None:
    answer = asked(url, Origin=HERE, Access_Control_Request_Method="GET")
    assert of_cors(answer) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET",
    }


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "BadRequest"),
        ({"Origin": HERE}, 400, "BadRequest"),
        ({"Origin": HERE, "Access_Control_Request_Method": "DELETE"}, 403, "AccessForbidden"),
        ({"Origin": "https://other.org", "Access_Control_Request_Method": "PUT"}, 403, "AccessForbidden"),
        (
            {"Origin": "http://app.example.com", "Access_Control_Request_Method": "PUT"},
            403,
            "AccessForbidden",
        ),
        (
            {
                "Origin": HERE,
                "Access_Control_Request_Method": "PUT",
                "Access_Control_Request_Headers": "Authorization",
            },
            403,
            "AccessForbidden",
        ),
    ],
)
def test_a_page_may_do_nothing_else(url: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = asked(url, **headers)
    assert answer.status_code == status
    assert ElementTree.fromstring(answer.content).findtext("Code") == code
    assert of_cors(answer) == {}


@pytest.mark.parametrize("path", ["artifacts-of-nobody", "cors-of-a-bucket-not/k"])
def test_a_bucket_without_rules_allows_nothing(sandbox: Sandbox, path: str) -> None:
    answer = asked(f"{sandbox.endpoint}/{path}", Origin=HERE, Access_Control_Request_Method="GET")
    assert answer.status_code == 403


def test_answers_have_the_headers_too(sandbox: Sandbox, url: str) -> None:
    put = sandbox.client("s3").generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "k"})
    allowed = requests.put(put, data=b"x", headers={"Origin": HERE}, timeout=30)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == HERE
    other = requests.put(put, data=b"x", headers={"Origin": "https://other.org"}, timeout=30)
    assert (other.status_code, of_cors(other)) == (200, {})
    # A refusal, too: else a page cannot read why.
    refused = requests.put(f"{put}0", data=b"x", headers={"Origin": HERE}, timeout=30)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (403, HERE)

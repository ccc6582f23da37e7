"""CloudFront: distributions of stacks, and what their viewers get. Sent as browsers and curl send it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from happypath.operations.installation import Installation
from happypath.sandbox import DeployError
from happypath.sandbox.sandbox import Sandbox
from tests.roles import document

ROOM = "/_aws/cloudfront/"
PHOTO = bytes(range(256))
HEADERS_OF_CORE = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Seen:
    """What a viewer got."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def has(self, headers: Mapping[str, str]) -> bool:
        return {name: self.headers.get_all(name) for name in headers} == {
            name: [value] for name, value in headers.items()
        }


def seen(sandbox: Sandbox, path: str, method: str = "GET", **headers: str) -> Seen:
    """Sends a path as it is: other clients take steps such as `..` out of it."""
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.putrequest(method, path, skip_host="Host" in named)
        for name, value in named.items():
            connection.putheader(name, value)
        connection.endheaders()
        return Seen(connection.getresponse())
    finally:
        connection.close()


def distributions(sandbox: Sandbox) -> list[dict[str, Any]]:
    listed = sandbox.client("cloudfront").list_distributions()["DistributionList"]
    found: list[dict[str, Any]] = listed.get("Items", [])
    return found


@pytest.fixture
def core(sandbox: Sandbox) -> dict[str, str]:
    return dict(Installation(sandbox.client, sandbox.prefix).core)


@pytest.fixture
def address(sandbox: Sandbox, core: dict[str, str]) -> Iterator[str]:
    """The path of a published photo, whose key has what addresses have to encode."""
    key = "p/ü a+b&c%20#?.jpg/tile.jpg"
    s3 = sandbox.client("s3")
    s3.put_object(
        Bucket=core["DistributionBucket"],
        Key=key,
        Body=PHOTO,
        ContentType="image/jpeg",
        CacheControl="public, max-age=3600",
    )
    yield f"{urlsplit(core['DistributionUrl']).path}/{quote(key)}"
    s3.delete_object(Bucket=core["DistributionBucket"], Key=key)


def test_photos_are_published_at_an_address_that_answers(
    sandbox: Sandbox, core: dict[str, str], address: str
) -> None:
    assert core["DistributionUrl"] == f"{sandbox.endpoint}{ROOM}{sandbox.prefix}-core"
    photo = seen(sandbox, address)
    assert (photo.status, photo.body) == (200, PHOTO)
    assert photo.has(
        {
            **HEADERS_OF_CORE,
            "Content-Type": "image/jpeg",
            "Cache-Control": "public, max-age=3600",
            "ETag": '"e2c865db4162bed963bfaa9ef6ac18f0"',
            "Accept-Ranges": "bytes",
            "Server": "AmazonS3",
            "X-Cache": "Miss from cloudfront",
        }
    )
    assert str(photo.headers["Via"]).endswith(".cloudfront.net (CloudFront)")
    assert not [name for name in photo.headers if name.lower().startswith(("x-amzn", "access-control"))]

    head = seen(sandbox, address, "HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "256")
    part = seen(sandbox, address, Range="bytes=2-4")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, PHOTO[2:5], "bytes 2-4/256")
    assert seen(sandbox, address, Range="bytes=300-").status == 416
    # Who has a part of another photo gets all of this one.
    of_this, of_another = str(photo.headers["ETag"]), '"of another"'
    assert seen(sandbox, address, Range="bytes=2-4", If_Range=of_this).status == 206
    assert seen(sandbox, address, Range="bytes=2-4", If_Range=of_another).body == PHOTO
    known = seen(sandbox, address, If_None_Match=str(photo.headers["ETag"]))
    assert (known.status, known.body) == (304, b"")
    assert known.has(HEADERS_OF_CORE)


def test_a_distribution_answers_by_its_id_and_its_domain(sandbox: Sandbox, address: str) -> None:
    key = address.removeprefix(f"{ROOM}{sandbox.prefix}-core")
    bucket = f"{sandbox.prefix}-distribution-"
    (ours,) = [
        each
        for each in distributions(sandbox)
        if each["Origins"]["Items"][0]["DomainName"].startswith(bucket)
    ]
    assert ours["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    assert seen(sandbox, f"{ROOM}{ours['Id']}{key}").body == PHOTO
    assert seen(sandbox, key, Host=ours["DomainName"]).body == PHOTO
    for nobodys in (
        seen(sandbox, key, Host="dnobody.cloudfront.net"),
        seen(sandbox, f"{ROOM}nobody{key}"),
        seen(sandbox, ROOM),
    ):
        assert (nobodys.status, nobodys.headers["Server"]) == (403, "CloudFront")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/none.jpg",
        "/?list-type=2",
        "/none?acl",
        "/../{uploads}/p/secret.jpg",
        "/..%2F{uploads}/p/secret.jpg",
        "/%2e%2e/{uploads}/p/secret.jpg",
        "//{uploads}/p/secret.jpg",
        "/a/./b//c",
        "/%00",
        "/%zz",
        "/%0d%0aX-Made-Up:%20yes",
    ],
)
def test_what_is_not_published_is_forbidden_whatever_is_asked(
    sandbox: Sandbox, core: dict[str, str], path: str
) -> None:
    s3 = sandbox.client("s3")
    put = s3.put_object(Bucket=core["UploadBucket"], Key="p/secret.jpg", Body=b"secret")
    try:
        asked = f"{ROOM}{sandbox.prefix}-core{path.format(uploads=core['UploadBucket'])}"
        answer = seen(sandbox, asked)
        assert (answer.status, answer.headers["X-Cache"]) == (403, "Error from cloudfront")
        assert b"<Code>AccessDenied</Code><Message>Access Denied</Message>" in answer.body
        assert answer.has(HEADERS_OF_CORE)
        assert "X-Made-Up" not in answer.headers
        assert seen(sandbox, asked, "HEAD").body == b""
    finally:
        s3.delete_object(Bucket=core["UploadBucket"], Key="p/secret.jpg", VersionId=put["VersionId"])


@pytest.mark.parametrize(("path", "code"), [("/%ff", b"InvalidURI"), (f"/{'a' * 1025}", b"KeyTooLongError")])
def test_a_key_that_cannot_be_is_an_error_of_s3(sandbox: Sandbox, path: str, code: bytes) -> None:
    answer = seen(sandbox, f"{ROOM}{sandbox.prefix}-core{path}")
    assert (answer.status, code in answer.body) == (400, True)


def test_who_looks_for_what_is_not_there_leaves_no_denial(sandbox: Sandbox) -> None:
    sandbox.calls.denied.clear()
    for path in ("/", "/none"):
        assert seen(sandbox, f"{ROOM}{sandbox.prefix}-core{path}").status == 403
    assert not [each for each in sandbox.calls.denied if "cloudfront" in each]


def test_a_key_may_be_as_long_as_s3_lets_it(sandbox: Sandbox, core: dict[str, str]) -> None:
    key = "ü" * 512
    sandbox.client("s3").put_object(Bucket=core["DistributionBucket"], Key=key, Body=b"long")
    assert seen(sandbox, f"{ROOM}{sandbox.prefix}-core/{quote(key)}").body == b"long"
    sandbox.client("s3").delete_object(Bucket=core["DistributionBucket"], Key=key)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_method_that_is_not_allowed_is_refused_by_cloudfront(
    sandbox: Sandbox, address: str, method: str
) -> None:
    answer = seen(sandbox, address, method)
    assert (answer.status, answer.headers["Server"]) == (403, "CloudFront")
    assert b"not configured to allow the HTTP request method" in answer.body
    assert seen(sandbox, address).body == PHOTO


def test_what_is_replaced_or_gone_is_seen_at_once(
    sandbox: Sandbox, core: dict[str, str], address: str
) -> None:
    s3, bucket = sandbox.client("s3"), core["DistributionBucket"]
    s3.put_object(Bucket=bucket, Key="replaced", Body=b"new")
    path = f"{ROOM}{sandbox.prefix}-core/replaced"
    assert seen(sandbox, path, Accept_Encoding="gzip").body == b"new"
    s3.put_object(Bucket=bucket, Key="replaced", Body=b"newer")
    # CloudFront would show the first until it expires or is invalidated, and say "Hit from cloudfront".
    again = seen(sandbox, path)
    assert (again.body, again.headers["X-Cache"]) == (b"newer", "Miss from cloudfront")
    s3.delete_object(Bucket=bucket, Key="replaced")
    assert seen(sandbox, path).status == 403


def test_an_execution_invalidates_as_its_role_lets_it(sandbox: Sandbox) -> None:
    iam, stepfunctions = sandbox.client("iam"), sandbox.client("stepfunctions")
    (ours, *_) = distributions(sandbox)
    trust = document(
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    role = iam.create_role(RoleName="invalidates", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    definition = {
        "StartAt": "Invalidate",
        "States": {
            "Invalidate": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:cloudfront:createInvalidation",
                "Parameters": {
                    "DistributionId": ours["Id"],
                    "InvalidationBatch": {
                        "CallerReference.$": "$$.Execution.Id",
                        "Paths": {"Quantity": 1, "Items.$": "States.Array($.path)"},
                    },
                },
                "End": True,
            }
        },
    }
    machine = stepfunctions.create_state_machine(
        name="invalidates", definition=json.dumps(definition), roleArn=role, type="EXPRESS"
    )["stateMachineArn"]

    def run() -> Any:
        return stepfunctions.start_sync_execution(stateMachineArn=machine, input='{"path": "/p/a.jpg/*"}')

    denied = run()
    assert denied["status"] == "FAILED"
    assert "cloudfront:CreateInvalidation" in denied["cause"]
    allowed = {"Effect": "Allow", "Action": "cloudfront:CreateInvalidation", "Resource": ours["ARN"]}
    iam.put_role_policy(RoleName="invalidates", PolicyName="it", PolicyDocument=document(allowed))
    done = run()
    assert done["status"] == "SUCCEEDED", done
    made = json.loads(done["output"])["Invalidation"]
    listed = sandbox.client("cloudfront").list_invalidations(DistributionId=ours["Id"])["InvalidationList"]
    assert made["Id"] in {each["Id"] for each in listed["Items"]}
    stepfunctions.delete_state_machine(stateMachineArn=machine)
    iam.delete_role_policy(RoleName="invalidates", PolicyName="it")
    iam.delete_role(RoleName="invalidates")


SITE_ARN = "arn:aws:cloudfront::${AWS::AccountId}:distribution/${Site}"
# A site of somebody's: two behaviours, headers of every kind, a page for errors.
SITE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "somebodys-site"}},
        "Access": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {
                "OriginAccessControlConfig": {
                    "Name": "site",
                    "OriginAccessControlOriginType": "s3",
                    "SigningBehavior": "always",
                    "SigningProtocol": "sigv4",
                }
            },
        },
        "Headers": {
            "Type": "AWS::CloudFront::ResponseHeadersPolicy",
            "Properties": {
                "ResponseHeadersPolicyConfig": {
                    "Name": "site",
                    "CorsConfig": {
                        "AccessControlAllowCredentials": False,
                        "AccessControlAllowHeaders": {"Items": ["*"]},
                        "AccessControlAllowMethods": {"Items": ["GET"]},
                        "AccessControlAllowOrigins": {"Items": ["https://*.example.com"]},
                        "AccessControlExposeHeaders": {"Items": ["ETag"]},
                        "AccessControlMaxAgeSec": 60,
                        "OriginOverride": True,
                    },
                    "CustomHeadersConfig": {
                        "Items": [
                            {"Header": "X-Site", "Value": "ours", "Override": True},
                            {"Header": "Cache-Control", "Value": "no-store", "Override": False},
                        ]
                    },
                    "RemoveHeadersConfig": {"Items": [{"Header": "x-amz-meta-author"}]},
                    "SecurityHeadersConfig": {
                        "XSSProtection": {"Protection": True, "ModeBlock": True, "Override": True}
                    },
                }
            },
        },
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "cloudfront.amazonaws.com"},
                            "Action": ["s3:GetObject", "s3:ListBucket"],
                            "Resource": ["arn:aws:s3:::somebodys-site", "arn:aws:s3:::somebodys-site/*"],
                            "Condition": {"StringEquals": {"aws:SourceArn": {"Fn::Sub": SITE_ARN}}},
                        }
                    ],
                },
            },
        },
        "Site": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {
                "DistributionConfig": {
                    "Enabled": True,
                    "DefaultRootObject": "index.html",
                    "Aliases": ["www.example.org"],
                    "Origins": [
                        {
                            "Id": "site",
                            "DomainName": {"Fn::GetAtt": ["Bucket", "DomainName"]},
                            "OriginPath": "/v1",
                            "OriginAccessControlId": {"Fn::GetAtt": ["Access", "Id"]},
                            "S3OriginConfig": {"OriginAccessIdentity": ""},
                        },
                        {
                            "Id": "elsewhere",
                            "DomainName": "www.example.com",
                            "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
                        },
                    ],
                    "DefaultCacheBehavior": {
                        "TargetOriginId": "site",
                        "ViewerProtocolPolicy": "https-only",
                        "ResponseHeadersPolicyId": {"Ref": "Headers"},
                    },
                    "CacheBehaviors": [
                        {
                            "PathPattern": "api/*",
                            "TargetOriginId": "elsewhere",
                            "ViewerProtocolPolicy": "https-only",
                        },
                        {
                            "PathPattern": "*.js",
                            "TargetOriginId": "site",
                            "ViewerProtocolPolicy": "https-only",
                            # AWS's own SecurityHeadersPolicy.
                            "ResponseHeadersPolicyId": "67f7725c-6f97-4210-82d7-5512b31e9d03",
                        },
                        {
                            "PathPattern": "/private/*",
                            "TargetOriginId": "site",
                            "ViewerProtocolPolicy": "https-only",
                            "TrustedKeyGroups": ["a-group"],
                        },
                    ],
                    "CustomErrorResponses": [
                        {"ErrorCode": 404, "ResponseCode": 200, "ResponsePagePath": "/index.html"}
                    ],
                }
            },
        },
    }
}


@pytest.fixture(scope="module")
def site(sandbox: Sandbox) -> Iterator[str]:
    cloudformation, s3 = sandbox.client("cloudformation"), sandbox.client("s3")
    cloudformation.create_stack(StackName="somebodys-site", TemplateBody=json.dumps(SITE))
    files = {"v1/index.html": b"<p>home", "v1/app.js": b"1", "v1/private/a": b"private"}
    for key, body in files.items():
        s3.put_object(
            Bucket="somebodys-site", Key=key, Body=body, CacheControl="max-age=1", Metadata={"author": "me"}
        )
    yield f"{ROOM}somebodys-site"
    for key in files:
        s3.delete_object(Bucket="somebodys-site", Key=key)
    cloudformation.delete_stack(StackName="somebodys-site")


def test_a_site_has_a_root_and_a_page_for_what_is_not_there(sandbox: Sandbox, site: str) -> None:
    for path in (site, f"{site}/", f"{site}/index.html", f"{site}/nowhere/at/all"):
        assert (seen(sandbox, path).status, seen(sandbox, path).body) == (200, b"<p>home")
    by_alias = seen(sandbox, "/", Host="WWW.example.org:80")
    assert by_alias.body == b"<p>home"


def test_headers_are_added_kept_and_removed_as_their_policy_says(sandbox: Sandbox, site: str) -> None:
    home = seen(sandbox, f"{site}/", Origin="https://app.example.com")
    assert home.has(
        {
            "X-Site": "ours",
            "Cache-Control": "max-age=1",
            "X-XSS-Protection": "1; mode=block",
            "Access-Control-Allow-Origin": "https://app.example.com",
            "Access-Control-Expose-Headers": "ETag",
            "Access-Control-Max-Age": "60",
            "Vary": "Origin",
        }
    )
    assert "x-amz-meta-author" not in home.headers
    for stranger in (seen(sandbox, f"{site}/", Origin="https://example.com.evil.net"), seen(sandbox, site)):
        assert "Access-Control-Allow-Origin" not in stranger.headers
    script = seen(sandbox, f"{site}/app.js")
    assert script.has({"X-Frame-Options": "SAMEORIGIN", "x-amz-meta-author": "me"})
    assert "X-Site" not in script.headers


def test_what_the_sandbox_does_not_do_it_says(sandbox: Sandbox, site: str) -> None:
    elsewhere = seen(sandbox, f"{site}/api/places")
    assert (elsewhere.status, b"www.example.com" in elsewhere.body) == (501, True)
    unsigned = seen(sandbox, f"{site}/private/a")
    assert (unsigned.status, b"MissingKey" in unsigned.body) == (403, True)
    signed = seen(sandbox, f"{site}/private/a?Key-Pair-Id=K1&Signature=x")
    assert (signed.status, b"NotImplemented" in signed.body) == (501, True)


def test_a_distribution_changes_with_its_stack(sandbox: Sandbox, site: str) -> None:
    changed: Any = json.loads(json.dumps(SITE))
    config = changed["Resources"]["Site"]["Properties"]["DistributionConfig"]
    config["DefaultRootObject"] = "app.js"
    policy = changed["Resources"]["Headers"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy["CustomHeadersConfig"]["Items"][0]["Value"] = "changed"
    cloudformation = sandbox.client("cloudformation")
    cloudformation.update_stack(StackName="somebodys-site", TemplateBody=json.dumps(changed))
    home = seen(sandbox, f"{site}/")
    assert home.body == b"1"
    assert home.has({"X-Site": "changed"})
    config["Enabled"] = False
    cloudformation.update_stack(StackName="somebodys-site", TemplateBody=json.dumps(changed))
    assert seen(sandbox, f"{site}/").status == 403
    cloudformation.update_stack(StackName="somebodys-site", TemplateBody=json.dumps(SITE))
    assert seen(sandbox, f"{site}/").body == b"<p>home"


def test_a_domain_of_ones_own_is_the_distributions_alias(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-4333-8444-555555555555"
    monkeypatch.setattr(sandbox, "prefix", "domain")
    with pytest.raises(DeployError, match="PhotosCertificateArn is of the domain of PhotosUrl"):
        sandbox.deploy("core", {"PhotosUrl": "", "PhotosCertificateArn": certificate})
    url = "https://photos.example.com/of/ours"
    sandbox.deploy("core", {"PhotosUrl": url, "PhotosCertificateArn": certificate})
    core = Installation(sandbox.client, "domain").core
    assert core["DistributionUrl"] == url
    s3 = sandbox.client("s3")
    s3.put_object(Bucket=core["DistributionBucket"], Key="a", Body=b"ours")
    assert seen(sandbox, "/a", Host="photos.example.com").body == b"ours"
    s3.delete_object(Bucket=core["DistributionBucket"], Key="a")
    sandbox.client("cloudformation").delete_stack(StackName="domain-core")


def test_a_distribution_comes_and_goes_with_its_stack(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(distributions(sandbox))
    monkeypatch.setattr(sandbox, "prefix", "delivered")
    sandbox.deploy("core")
    assert len(distributions(sandbox)) == before + 1

    sandbox.client("cloudformation").delete_stack(StackName="delivered-core")
    assert len(distributions(sandbox)) == before
    # What people uploaded outlives the stack.
    assert "delivered" in sandbox.client("dynamodb").list_tables()["TableNames"]
    buckets = {each["Name"] for each in sandbox.client("s3").list_buckets()["Buckets"]}
    assert "delivered-uploads-123456789012-us-east-1" in buckets

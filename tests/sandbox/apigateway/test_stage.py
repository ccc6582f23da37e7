"""What APIs and stages are configured to do: CORS, throttling, time-outs, logs, permissions, limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from happypath.sandbox.apigateway import access_log
from happypath.sandbox.apigateway.request import MOST_BODY_BYTES
from happypath.sandbox.apigateway.throttling import Throttle
from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, ask, deployed, function

_ORIGIN = {"Origin": "https://app.example"}
_PREFLIGHT = {"Access-Control-Request-Method": "GET"}


def _cors(headers: list[tuple[str, str]]) -> dict[str, str]:
    prefix = "access-control-"
    return {
        name.lower().removeprefix(prefix): value for name, value in headers if name.lower().startswith(prefix)
    }


def test_the_api_answers_a_preflight_by_itself(guarded: DeployedApi) -> None:
    response = guarded.ask("/prod/jwt", "OPTIONS", headers={**_ORIGIN, **_PREFLIGHT})
    assert (response.status, response.body) == (204, b"")
    assert _cors(response.headers) == {
        "allow-origin": "https://app.example",
        "allow-credentials": "true",
        "allow-methods": "GET,POST",
        "allow-headers": "authorization",
        "expose-headers": "x-own",
        "max-age": "60",
    }


def test_another_origin_is_told_nothing(guarded: DeployedApi) -> None:
    headers = {"Origin": "https://app.example.evil", **_PREFLIGHT}
    response = guarded.ask("/prod/jwt", "OPTIONS", headers=headers)
    assert (response.status, _cors(response.headers)) == (204, {})
    assert _cors(guarded.ask("/prod/open", headers={"Origin": "null"}).headers) == {}


def test_a_route_for_any_method_takes_the_preflight_too(guarded: DeployedApi) -> None:
    response = guarded.ask("/prod/any", "OPTIONS", headers={**_ORIGIN, **_PREFLIGHT})
    assert response.status == 401


def test_answers_have_the_apis_headers_of_cors_and_not_the_functions(guarded: DeployedApi) -> None:
    for path, status in (("/prod/open", 200), ("/prod/jwt", 401), ("/prod/nowhere", 404)):
        response = guarded.ask(path, headers=_ORIGIN)
        assert response.status == status
        assert _cors(response.headers) == {
            "allow-origin": "https://app.example",
            "allow-credentials": "true",
            "expose-headers": "x-own",
        }


def test_without_a_configuration_the_function_answers_for_cors(echo: DeployedApi) -> None:
    assert echo.ask("/places", "OPTIONS", headers={**_ORIGIN, **_PREFLIGHT}).status == 404
    result = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    response = echo.ask("/returns", "POST", json.dumps(result).encode(), {"Content-Type": "application/json"})
    assert _cors(response.headers) == {"allow-origin": "*"}


def test_a_stage_with_a_name_is_asked_by_it_alone(guarded: DeployedApi) -> None:
    assert guarded.ask("/open").status == 404
    assert guarded.ask("/$default/open").status == 404


def test_more_requests_than_a_route_takes_are_refused(guarded: DeployedApi) -> None:
    answers = [guarded.ask("/prod/few") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].json == {"message": "Too Many Requests"}
    # Each route has a bucket of its own.
    assert guarded.ask("/prod/open").status == 200


def test_a_bucket_fills_again_by_its_rate() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    stage = SimpleNamespace(
        name="a",
        default_route_settings={"throttlingBurstLimit": 2, "throttlingRateLimit": 0.5},
        route_settings={"GET /free": {"throttlingBurstLimit": 1000, "throttlingRateLimit": 1000}},
    )

    def taken(key: str = "GET /") -> bool:
        return throttle.take("api", stage, key)

    assert [taken() for _ in range(3)] == [True, True, False]
    now = 1.9
    assert not taken()
    now = 3.0
    assert [taken(), taken()] == [True, False]
    now = 1000.0
    assert [taken() for _ in range(3)] == [True, True, False]
    assert all(taken("GET /free") for _ in range(100))


def test_a_function_that_takes_too_long_is_not_waited_for(guarded: DeployedApi) -> None:
    response = guarded.ask("/prod/slow")
    assert (response.status, response.json) == (503, {"message": "Service Unavailable"})


def _lines(sandbox: Sandbox) -> list[dict[str, Any]]:
    events = sandbox.client("logs").filter_log_events(logGroupName="/http-api/guarded")["events"]
    return [json.loads(each["message"]) for each in events]


def test_each_request_is_a_line_in_the_access_log(guarded: DeployedApi, sandbox: Sandbox) -> None:
    token = sandbox.issuer.token("somebody", "api")
    hostile = 'a", "status": "999'
    done = guarded.ask("/prod/jwt", headers={"Authorization": token, "User-Agent": hostile})
    refused = guarded.ask("/prod/jwt")
    lines = {each["id"]: each for each in _lines(sandbox)}
    line = lines[done.header("apigw-requestid") or ""]
    assert (line["route"], line["status"], line["agent"]) == ("GET /jwt", "200", hostile)
    assert (line["subject"], line["why"], line["nothing"]) == ("somebody", "-", "-")
    assert line["length"] == str(len(done.body))
    line = lines[refused.header("apigw-requestid") or ""]
    assert (line["status"], line["subject"], line["why"]) == ("401", "-", "There is no token.")
    assert line["error"] == "-"
    slow = guarded.ask("/prod/slow")
    (line,) = [each for each in _lines(sandbox) if each["id"] == slow.header("apigw-requestid")]
    assert (line["status"], line["error"]) == ("503", "The integration timed out.")


def test_each_request_counts_in_the_metrics(sandbox: Sandbox) -> None:
    def sums(*dimensions: tuple[str, str]) -> dict[str, float]:
        now = datetime.now(UTC)
        found = {}
        for name in ("Count", "4xx", "5xx", "IntegrationLatency"):
            points = sandbox.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/ApiGateway",
                MetricName=name,
                Dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
                StartTime=now - timedelta(hours=1),
                EndTime=now + timedelta(minutes=1),
                Period=3600,
                Statistics=["Sum", "SampleCount"],
            )["Datapoints"]
            kind = "SampleCount" if name == "IntegrationLatency" else "Sum"
            found[name] = sum(each[kind] for each in points)
        return found

    with deployed(sandbox, "http-api-counted", {"Echo": function("GET /", "GET /raises")}) as api:
        for path in ("/", "/raises", "/nowhere", "/"):
            api.ask(path)
        expected = {"Count": 4, "4xx": 1, "5xx": 1, "IntegrationLatency": 3}
        assert sums(("ApiId", api.api_id)) == expected
        assert sums(("ApiId", api.api_id), ("Stage", "$default")) == expected


def test_a_value_ends_neither_the_line_nor_a_text_in_it() -> None:
    form = '{"path": "$context.path", "error": $context.error.messageString}'
    line = access_log.line(form, {"path": '/"\n', "error.message": "Not Found"})
    assert line == '{"path": "/\\"\\n", "error": "Not Found"}'


def test_an_access_log_that_would_not_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="CloudWatch Logs only"):
        access_log.group("arn:aws:firehose:us-east-1:123456789012:deliverystream/a")


def test_a_function_that_does_not_let_the_api_is_not_invoked(sandbox: Sandbox) -> None:
    client = sandbox.client("lambda")
    with deployed(sandbox, "http-api-permission", {"Echo": function("GET /a", "GET /b/{id}")}) as api:
        assert (api.ask("/a").status, api.ask("/b/1").status) == (200, 200)
        (name,) = [
            each["FunctionName"]
            for each in client.list_functions()["Functions"]
            if each["FunctionName"].startswith("http-api-permission")
        ]
        statements = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
        (for_a,) = [each["Sid"] for each in statements if json.dumps(each["Condition"]).endswith('/GET/a"}}')]
        client.remove_permission(FunctionName=name, StatementId=for_a)
        refused = api.ask("/a")
        assert (refused.status, refused.json) == (500, {"message": "Internal Server Error"})
        assert api.ask("/b/1").status == 200


@pytest.mark.parametrize("size", [MOST_BODY_BYTES + 1, 6_291_457])
def test_a_body_larger_than_api_gateway_or_lambda_takes_is_refused(echo: DeployedApi, size: int) -> None:
    response = echo.ask("/any/x", "POST", b"a" * size, {"Content-Type": "text/plain"})
    assert (response.status, response.json) == (413, {"message": "Request Entity Too Large"})


def test_headers_longer_than_api_gateway_takes_are_refused(echo: DeployedApi) -> None:
    response = echo.ask("/places", headers={"X-Long": "a" * 10_240})
    assert response.status == 431


def test_a_result_larger_than_lambda_gives_is_an_internal_server_error(sandbox: Sandbox) -> None:
    code = "def handler(event, context):\n    return 'a' * 6291600"
    with deployed(sandbox, "http-api-large", {"Large": function("GET /", InlineCode=code)}) as api:
        assert api.ask("/").status == 500


def test_what_is_updated_is_served_at_once(sandbox: Sandbox) -> None:
    first = {"Echo": function("GET /one")}
    with deployed(sandbox, "http-api-updated", first) as api:
        assert (api.ask("/one").status, api.ask("/two").status) == (200, 404)
        template = {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {"Echo": function("GET /two")},
        }
        sandbox.client("cloudformation").update_stack(
            StackName="http-api-updated",
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
        )
        assert (api.ask("/one").status, api.ask("/two").status) == (404, 200)


def test_resources_of_their_own_make_the_same_api(sandbox: Sandbox) -> None:
    api = {"Ref": "Api"}
    resources = {
        "Echo": function(),
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "plain",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {"AllowOrigins": ["*"]},
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": api,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Fn::GetAtt": ["Echo", "Arn"]},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Authorizer": {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": api,
                "Name": "own",
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Issuer": sandbox.issuer.url, "Audience": ["plain"]},
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": api,
                "RouteKey": "GET /closed",
                "AuthorizationType": "JWT",
                "AuthorizerId": {"Ref": "Authorizer"},
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": api, "StageName": "$default", "AutoDeploy": True},
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Echo"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {
                    "Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/closed"
                },
            },
        },
    }
    with deployed(sandbox, "http-api-plain", resources, api="Api") as made:
        assert made.ask("/closed").status == 401
        token = sandbox.issuer.token("a", "plain")
        response = made.ask("/closed", headers={"Authorization": token, "Origin": "https://any.example"})
        assert response.status == 200
        assert _cors(response.headers) == {"allow-origin": "*"}
        (route,) = sandbox.client("apigatewayv2").get_routes(ApiId=made.api_id)["Items"]
        authorizer = sandbox.client("apigatewayv2").get_authorizer(
            ApiId=made.api_id, AuthorizerId=route["AuthorizerId"]
        )
        assert authorizer["JwtConfiguration"] == {"Issuer": sandbox.issuer.url, "Audience": ["plain"]}
    assert ask(sandbox, f"/_aws/execute-api/{made.api_id}/closed", headers={}).status == 404

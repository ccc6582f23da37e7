"""An OpenAPI document with API Gateway's extensions → the routes of an HTTP API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from moto.apigatewayv2.exceptions import BadRequestException

_ANY = "x-amazon-apigateway-any-method"
_METHODS = {"get", "head", "post", "put", "patch", "delete", "options", "trace"}
_INTEGRATION = "x-amazon-apigateway-integration"
_AUTHORIZER = "x-amazon-apigateway-authorizer"


def import_document(api: Any, document: Mapping[str, Any]) -> None:
    """Gives an API (moto's) the routes, integrations, authorizers and CORS of a document, and no others.

    Raises:
        BadRequestException: it makes no sense; the API is as it was.
    """
    made = copy(api)
    made.routes, made.integrations, made.authorizers = {}, {}, {}
    _fill(made, document)
    vars(api).update(vars(made))


def _fill(api: Any, document: Mapping[str, Any]) -> None:
    info = document.get("info") or {}
    api.name = info.get("title") or api.name
    api.version = str(info["version"]) if "version" in info else api.version
    if "x-amazon-apigateway-cors" in document:
        api.cors_configuration = document["x-amazon-apigateway-cors"]
    schemes: Mapping[str, Any] = (document.get("components") or {}).get("securitySchemes") or {}
    authorizers = {name: _authorizer(api, name, scheme) for name, scheme in schemes.items()}
    for path, operations in (document.get("paths") or {}).items():
        for method, operation in operations.items():
            if method != _ANY and method not in _METHODS:
                continue
            key = path if path == "$default" else f"{'ANY' if method == _ANY else method.upper()} {path}"
            if _INTEGRATION not in operation:
                raise BadRequestException(f"Warnings found during import: No integration for route: {key}")
            security = operation.get("security", document.get("security")) or []
            _route(api, key, operation[_INTEGRATION], security, authorizers)


def _authorizer(api: Any, name: str, scheme: Mapping[str, Any]) -> Any:
    """moto's authorizer of a security scheme; `AWS_IAM` for that, None if it is none of API Gateway's."""
    if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
        return "AWS_IAM"
    given = scheme.get(_AUTHORIZER)
    if given is None:
        return None
    sources = given.get("identitySource")
    return api.create_authorizer(
        auth_creds_arn=given.get("authorizerCredentials"),
        auth_payload_format_version=given.get("authorizerPayloadFormatVersion"),
        auth_result_ttl=given.get("authorizerResultTtlInSeconds"),
        authorizer_type=str(given["type"]).upper(),
        authorizer_uri=given.get("authorizerUri"),
        enable_simple_response=given.get("enableSimpleResponses"),
        identity_source=sources.split(",") if isinstance(sources, str) else sources,
        identity_validation_expr=None,
        jwt_config=given.get("jwtConfiguration"),
        name=name,
    )


def _route(
    api: Any, key: str, integration: Mapping[str, Any], security: Any, authorizers: Mapping[str, Any]
) -> None:
    made = api.create_integration(
        connection_type="INTERNET",
        description="",
        integration_method=integration.get("httpMethod"),
        integration_type=str(integration.get("type")).upper(),
        integration_uri=integration.get("uri"),
        credentials_arn=integration.get("credentials"),
        payload_format_version=str(integration.get("payloadFormatVersion") or "1.0"),
        integration_subtype=integration.get("integrationSubtype"),
        request_parameters=integration.get("requestParameters"),
        timeout_in_millis=integration.get("timeoutInMillis"),
    )
    kind, authorizer_id, scopes = "NONE", None, []
    for requirement in security:
        for name, wanted in requirement.items():
            authorizer = authorizers.get(name)
            # As SAM writes a route that is to be open where the others are not.
            if name == "NONE" and authorizer is None:
                continue
            if authorizer is None:
                why = f"Unable to find the authorizer {name} of route {key}"
                raise BadRequestException(f"Warnings found during import: {why}")
            if authorizer == "AWS_IAM":
                kind = "AWS_IAM"
            else:
                kind = "JWT" if authorizer.authorizer_type == "JWT" else "CUSTOM"
                authorizer_id, scopes = authorizer.id, list(wanted)
    api.create_route(
        api_key_required=False,
        authorization_scopes=scopes,
        authorization_type=kind,
        authorizer_id=authorizer_id,
        route_key=key,
        target=f"integrations/{made.id}",
    )

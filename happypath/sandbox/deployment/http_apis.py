"""The resources of HTTP APIs in stacks, as `resources` has those of other services.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from moto.apigatewayv2.exceptions import BadRequestException, StageNotFound
from moto.apigatewayv2.models import ApiGatewayV2Backend, apigatewayv2_backends

from happypath.sandbox.apigateway.access_log import group
from happypath.sandbox.apigateway.openapi import import_document
from happypath.sandbox.deployment.resources import Kind, Place, Properties

_log = logging.getLogger(__name__)

# Whose keys are names of the user's own.
_NAMES = frozenset({"Tags", "StageVariables", "RouteSettings", "RequestParameters", "ResponseParameters"})


def _backend(place: Place) -> ApiGatewayV2Backend:
    return apigatewayv2_backends[place.account_id][place.region]


def as_in_the_api(value: Any, *, named: bool = False) -> Any:
    """Properties of a template as the API spells them: `ThrottlingBurstLimit` is `throttlingBurstLimit`."""
    match value:
        case Mapping():
            return {
                key if named else key[:1].lower() + key[1:]: as_in_the_api(each, named=key in _NAMES)
                for key, each in value.items()
            }
        case list():
            return [as_in_the_api(each) for each in value]
    return value


def _true(value: Any) -> bool:
    # CloudFormation takes them as text, too.
    return str(value).lower() == "true"


def _api(place: Place, name: str, properties: Properties) -> str:
    given = as_in_the_api({key: each for key, each in properties.items() if key != "Body"})
    protocol, body = given.get("protocolType"), properties.get("Body")
    if "BodyS3Location" in properties or (body is None and not protocol):
        raise BadRequestException("The sandbox makes APIs of a Body or a ProtocolType only.")
    backend, settings = (
        _backend(place),
        {
            "api_key_selection_expression": given.get("apiKeySelectionExpression"),
            "cors_configuration": given.get("corsConfiguration"),
            "description": given.get("description"),
            "disable_schema_validation": given.get("disableSchemaValidation"),
            "disable_execute_api_endpoint": _true(given.get("disableExecuteApiEndpoint", False)),
            "name": given.get("name"),
            "route_selection_expression": given.get("routeSelectionExpression"),
            "version": given.get("version"),
        },
    )
    if name in backend.apis:
        api: Any = backend.update_api(api_id=name, **settings)
        api.cors_configuration = settings["cors_configuration"]
    else:
        tags = given.get("tags") or {}
        api = backend.create_api(protocol_type=protocol or "HTTP", tags=tags, **settings)
    if api.protocol_type != "HTTP":
        _log.warning("The sandbox serves no %s APIs: %s answers nothing.", api.protocol_type, api.api_id)
    if body is not None:
        try:
            import_document(api, json.loads(body) if isinstance(body, str) else body)
        except Exception:
            if name != api.api_id:
                backend.delete_api(api.api_id)
            raise
    return str(api.api_id)


def _no_api(place: Place, api_id: str, _: Properties) -> None:
    _backend(place).delete_api(api_id)


def _stage(place: Place, _: str, properties: Properties) -> str:
    config = as_in_the_api(properties)
    config["autoDeploy"] = _true(config.get("autoDeploy", False))
    api = _backend(place).get_api(config["apiId"])
    if config.get("accessLogSettings"):
        try:
            group(config["accessLogSettings"].get("destinationArn", ""))
        except ValueError as error:
            raise BadRequestException(str(error)) from None
    return str(api.create_stage(config).name)


def _part(
    create: str, update: str, arguments: Callable[[dict[str, Any]], dict[str, Any]], held: str, id_: str
) -> Callable[[Place, str, Properties], str]:
    """Makes a part of an API, or changes it: by what moto calls its methods and where it holds them."""

    def put(place: Place, name: str, properties: Properties) -> str:
        given = as_in_the_api(properties)
        api: Any = _backend(place).get_api(given.pop("apiId"))
        wanted = arguments(given)
        if name in getattr(api, held):
            getattr(api, update)(name, **wanted)
            return name
        return str(getattr(getattr(api, create)(**wanted), id_))

    return put


def _of_integration(given: dict[str, Any]) -> dict[str, Any]:
    names = {
        "connection_id": "connectionId",
        "connection_type": "connectionType",
        "content_handling_strategy": "contentHandlingStrategy",
        "credentials_arn": "credentialsArn",
        "description": "description",
        "integration_method": "integrationMethod",
        "integration_subtype": "integrationSubtype",
        "integration_type": "integrationType",
        "integration_uri": "integrationUri",
        "passthrough_behavior": "passthroughBehavior",
        "payload_format_version": "payloadFormatVersion",
        "request_parameters": "requestParameters",
        "request_templates": "requestTemplates",
        "response_parameters": "responseParameters",
        "template_selection_expression": "templateSelectionExpression",
        "timeout_in_millis": "timeoutInMillis",
        "tls_config": "tlsConfig",
    }
    made = {own: given.get(name) for own, name in names.items()}
    if made["timeout_in_millis"] is not None:
        made["timeout_in_millis"] = int(made["timeout_in_millis"])
    return made


def _of_route(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "api_key_required": _true(given.get("apiKeyRequired", False)),
        "authorization_scopes": given.get("authorizationScopes") or [],
        "authorization_type": given.get("authorizationType") or "NONE",
        "authorizer_id": given.get("authorizerId"),
        "model_selection_expression": given.get("modelSelectionExpression"),
        "operation_name": given.get("operationName"),
        "request_models": given.get("requestModels"),
        "request_parameters": given.get("requestParameters"),
        "route_key": given["routeKey"],
        "route_response_selection_expression": given.get("routeResponseSelectionExpression"),
        "target": given.get("target") or "",
    }


def _of_authorizer(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "auth_creds_arn": given.get("authorizerCredentialsArn"),
        "auth_payload_format_version": given.get("authorizerPayloadFormatVersion"),
        "auth_result_ttl": given.get("authorizerResultTtlInSeconds"),
        "authorizer_type": given["authorizerType"],
        "authorizer_uri": given.get("authorizerUri"),
        "enable_simple_response": given.get("enableSimpleResponses"),
        "identity_source": given.get("identitySource"),
        "identity_validation_expr": given.get("identityValidationExpression"),
        "jwt_config": given.get("jwtConfiguration"),
        "name": given["name"],
    }


def _remover(method: str) -> Callable[[Place, str, Properties], None]:
    """Removes a part of an API, which may be gone already."""

    def remove(place: Place, name: str, properties: Properties) -> None:
        api: Any = _backend(place).apis.get(properties["ApiId"])
        if api is not None:
            getattr(api, method)(name)

    return remove


def _deployment(place: Place, name: str, properties: Properties) -> str:
    """What a stage without AutoDeploy needs: routes are served as they are, not as they were deployed."""
    api: Any = _backend(place).get_api(properties["ApiId"])
    stage = properties.get("StageName")
    if stage and stage not in api.stages:
        raise StageNotFound
    return name


def _endpoint(place: Place, api_id: str) -> str:
    return str(_backend(place).get_api(api_id).api_endpoint)


KINDS: Mapping[str, Kind] = {
    "AWS::ApiGatewayV2::Api": Kind(
        _api,
        _no_api,
        replaces=True,
        attributes={"ApiEndpoint": _endpoint, "ApiId": lambda _, api_id: api_id},
    ),
    "AWS::ApiGatewayV2::Authorizer": Kind(
        _part("create_authorizer", "update_authorizer", _of_authorizer, "authorizers", "id"),
        _remover("delete_authorizer"),
        replaces=True,
        attributes={"AuthorizerId": lambda _, authorizer_id: authorizer_id},
    ),
    "AWS::ApiGatewayV2::Deployment": Kind(
        _deployment,
        lambda *_: None,
        attributes={"DeploymentId": lambda _, deployment_id: deployment_id},
    ),
    "AWS::ApiGatewayV2::Integration": Kind(
        _part("create_integration", "update_integration", _of_integration, "integrations", "id"),
        _remover("delete_integration"),
        replaces=True,
        attributes={"IntegrationId": lambda _, integration_id: integration_id},
    ),
    "AWS::ApiGatewayV2::Route": Kind(
        _part("create_route", "update_route", _of_route, "routes", "route_id"),
        _remover("delete_route"),
        replaces=True,
        attributes={"RouteId": lambda _, route_id: route_id},
    ),
    "AWS::ApiGatewayV2::Stage": Kind(_stage, _remover("delete_stage"), replaces=True),
}

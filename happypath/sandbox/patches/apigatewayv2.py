"""API Gateway's HTTP APIs: where they answer, and what a document makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import yaml
from moto.apigatewayv2.exceptions import BadRequestException
from moto.apigatewayv2.models import Api

from happypath.sandbox.apigateway.openapi import import_document
from happypath.sandbox.apigateway.request import APIS
from happypath.sandbox.patches.served import Patch, Served

_made = Api.__init__


@contextmanager
def apis_answer_here(served: Served) -> Iterator[None]:
    """An API has an endpoint that answers: the sandbox's own; moto's is AWS's.

    https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """

    def make(api: Any, *given: Any, **named: Any) -> None:
        _made(api, *given, **named)
        api.api_endpoint = f"{served.endpoint}{APIS.prefix}{api.api_id}"

    with patch.object(Api, "__init__", make):
        yield


@contextmanager
def documents_have_authorizers(_: Served) -> Iterator[None]:
    """An imported document brings authorizers, methods of any kind, `$default`; moto opens all of it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
    """

    def take(api: Any, body_str: str, _fail_on_warnings: bool) -> None:
        try:
            document = yaml.safe_load(body_str)
        except yaml.YAMLError as error:
            raise BadRequestException(f"Unable to parse the document: {error}") from None
        if not isinstance(document, dict):
            raise BadRequestException("Unable to parse the document: it is no object.")
        import_document(api, json.loads(json.dumps(document, default=str)))

    with patch.object(Api, "import_api", take):
        yield


PATCHES: tuple[Patch, ...] = (apis_answer_here, documents_have_authorizers)

"""The application's tables as `templates/core` describes it, for tests that deploy nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from happypath.project import template_of


def make(dynamodb: Any, name: str, resource: str = "Table") -> None:
    """Creates it under a name with a client of DynamoDB; or another of core's tables."""
    dynamodb.create_table(TableName=name, **_schema(resource))


@cache
def _schema(resource: str) -> dict[str, Any]:
    properties = template_of("core")["Resources"][resource]["Properties"]
    parts = ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")
    return {part: properties[part] for part in parts if part in properties}

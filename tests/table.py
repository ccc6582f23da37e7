"""The application table as `templates/core` describes it, for tests that deploy nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from happypath.project import template_of


def make(dynamodb: Any, name: str) -> None:
    """Creates it under a name with a client of DynamoDB."""
    dynamodb.create_table(TableName=name, **_schema())


@cache
def _schema() -> dict[str, Any]:
    (properties,) = (
        each["Properties"]
        for each in template_of("core")["Resources"].values()
        if each["Type"] == "AWS::DynamoDB::Table"
    )
    return {
        part: properties[part]
        for part in ("KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes")
    }

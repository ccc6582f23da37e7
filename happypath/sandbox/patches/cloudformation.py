"""CloudFormation: templates, change sets, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend

from happypath.sandbox.deployment.change_sets import deploying
from happypath.sandbox.deployment.making import all_types
from happypath.sandbox.deployment.serverless import expand
from happypath.sandbox.deployment.stacks import refuse_update
from happypath.sandbox.patches.served import Patch, Served


@contextmanager
def templates_are_transformed(_: Served) -> Iterator[None]:
    """CloudFormation expands `AWS::Serverless-2016-10-31`; moto knows no transforms.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html
    """
    update = CloudFormationBackend.update_stack

    def update_expanded(backend: Any, *, name: str, template: str, **more: Any) -> Any:
        refuse_update(backend.get_stack(name))
        expanded = expand(template, backend.account_id, backend.region_name)
        return update(backend, name=name, template=expanded, **more)

    with (
        patch.object(CloudFormationBackend, "update_stack", update_expanded),
        patch.object(CloudFormationBackend, "validate_template", _no_validation),
    ):
        yield


def _no_validation(_backend: CloudFormationBackend, _template: str) -> list[Any]:
    """ValidateTemplate: moto has cfn-lint do it, which with what it needs is 150 MB."""
    raise ValidationError(message="The sandbox validates no templates: run cfn-lint (scripts/check does).")


@contextmanager
def change_sets(_: Served) -> Iterator[None]:
    """A change set makes, changes and deletes what its template says; moto's make stacks anew.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
    """
    with deploying():
        yield


@contextmanager
def no_value_in_lists(_: Served) -> Iterator[None]:
    """`AWS::NoValue` takes an item out of a list, as it does a property; moto leaves a null there.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
    """
    clean: Any = parsing.clean_json

    def clean_without_nulls(value: Any, resources: Any) -> Any:
        cleaned = clean(value, resources)
        return [each for each in cleaned if each is not None] if isinstance(value, list) else cleaned

    with patch.object(parsing, "clean_json", clean_without_nulls):
        yield


@contextmanager
def types_that_services_have(served: Served) -> Iterator[None]:
    """A stack has all resources of its template, each with a name; moto knows fewer types than its services.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
    """
    with all_types(served.own_client):
        yield


PATCHES: tuple[Patch, ...] = (
    no_value_in_lists,
    templates_are_transformed,
    change_sets,
    types_that_services_have,
)

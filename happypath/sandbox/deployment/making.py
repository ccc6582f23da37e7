"""How moto's CloudFormation comes by resources: its own, those of `resources`, and skipped ones.

What nothing here makes is skipped: the stack has a row of it, with a name, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Self
from unittest.mock import patch

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack
from moto.core.common_models import CloudFormationModel

from happypath.sandbox.deployment import http_apis, resources
from happypath.sandbox.deployment.resources import Clients, Kind, Place, Properties

KINDS = {**resources.KINDS, **http_apis.KINDS}


class _Resource(CloudFormationModel):
    """A resource that is made by calls of an API; each type has a class of its own."""

    type_name: ClassVar[str] = "AWS::SERVICE::API"
    kind: ClassVar[Kind]
    clients: ClassVar[Clients]

    def __init__(self, physical_id: str, properties: Properties, place: Place) -> None:
        self.physical_resource_id = physical_id
        self.properties = properties
        self.place = place

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.type_name

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.kind.attributes

    def get_cfn_attribute(self, attribute_name: str) -> str:
        if attribute_name not in self.kind.attributes:
            raise ValidationError(message=f"Template error: {self.type_name} has no {attribute_name}.")
        return self.kind.attributes[attribute_name](self.place, self.physical_resource_id)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        properties = cloudformation_json.get("Properties", {})
        place = Place(cls.clients, account_id, region_name)
        return cls(cls.kind.put(place, resource_name, properties), properties, place)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Self,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        # What has a generated name keeps it.
        named = cls.kind.name in cloudformation_json.get("Properties", {})
        name = new_resource_name if named else original_resource.physical_resource_id
        made = cls.create_from_cloudformation_json(name, cloudformation_json, account_id, region_name)
        if cls.kind.replaces and made.physical_resource_id != original_resource.physical_resource_id:
            original_resource.delete("", "")
        return made

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        """Each removes itself."""

    def is_created(self) -> bool:
        return True

    def delete(self, _account_id: str, _region: str) -> None:
        self.kind.remove(self.place, self.physical_resource_id, self.properties)


def _nobody(service: str) -> Any:
    raise LookupError(service)


class _Skipped(_Resource):
    """A resource that nobody makes."""

    type_name = "AWS::SERVICE::SKIPPED"
    kind = Kind(put=lambda _, name, __: name, remove=lambda *_: None)


@contextmanager
def all_types(clients: Clients) -> Iterator[None]:
    """Lets stacks have resources of every type, and say which one was not made, and why."""
    classes: dict[str, Any] = {
        # A function in a class would be a method.
        name: type(name, (_Resource,), {"type_name": name, "kind": kind, "clients": staticmethod(clients)})
        for name, kind in KINDS.items()
    }
    class_of: Any = parsing.resource_class_from_type
    name_of: Any = parsing.resource_name_property_from_type

    def find(resource_type: str) -> Any:
        if resource_type in classes:
            return classes[resource_type]
        known = resource_type.startswith("Custom::") or resource_type in parsing.get_model_map()
        return class_of(resource_type) if known else _Skipped

    def name(resource_type: str) -> Any:
        return KINDS[resource_type].name or None if resource_type in KINDS else name_of(resource_type)

    with ExitStack() as patches:
        for owner, attribute, replacement in (
            (parsing, "resource_class_from_type", find),
            (parsing, "resource_name_property_from_type", name),
            (parsing, "parse_and_create_resource", _creating(find)),
            (parsing, "parse_and_update_resource", _updating(find)),
            (Stack, "stack_resources", property(_those_that_are_there)),
        ):
            patches.enter_context(patch.object(owner, attribute, replacement))
        yield


def _creating(find: Any) -> Any:
    create: Any = parsing.parse_and_create_resource

    def create_or_skip(logical_id: str, resource: Any, resources: Any, **where: str) -> Any:
        kind, condition = resource["Type"], resource.get("Condition")
        if find(kind) is _Skipped and (not condition or resources.lazy_condition_map[condition]):
            # Its properties are not looked at: they may name what only AWS knows.
            name = parsing.generate_resource_name(kind, resources["AWS::StackName"], logical_id)
            skipped: Any = _Skipped(name, {}, Place(_nobody, "", ""))
            skipped.cf_resource_type, skipped.logical_resource_id = kind, logical_id
            return skipped
        try:
            return create(logical_id, resource, resources, **where)
        except Exception as error:
            # The innermost: others fail because they name it.
            resources.failed = getattr(resources, "failed", None) or (logical_id, kind, reason_of(error))
            raise

    return create_or_skip


def _updating(find: Any) -> Any:
    update: Any = parsing.parse_and_update_resource

    def update_or_keep(logical_id: str, resource: Any, resources: Any, **where: str) -> Any:
        """moto forgets a resource that it cannot update; it stays as it is instead."""
        if find(resource["Type"]) is _Skipped:
            return resources[logical_id]
        updated = update(logical_id, resource, resources, **where)
        return resources[logical_id] if updated is None else updated

    return update_or_keep


def _those_that_are_there(stack: Any) -> list[Any]:
    return [each for each in stack.resource_map.values() if each is not None]


def reason_of(error: Exception) -> str:
    """Why a resource was not made, for an event of its stack."""
    return f"{type(error).__name__}: {getattr(error, 'message', None) or error}"

"""KMS: keys of stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.kms.models import Key, kms_backends

from happypath.sandbox.patches.served import Patch, Served


@contextmanager
def kinds_of_keys(_: Served) -> Iterator[None]:
    """A stack's key is of the kind that its template says; moto makes each a symmetric one to encrypt with.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html
    """
    of_stack: Any = Key.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def of_its_kind(
        kind: Any,
        /,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **more: Any,
    ) -> Key:
        symmetric: Key = of_stack(kind, resource_name, cloudformation_json, account_id, region_name, **more)
        properties = cloudformation_json["Properties"]
        if "KeySpec" not in properties:
            return symmetric
        backend = kms_backends[account_id][region_name]
        made: Key = backend.create_key(
            json.dumps(properties["KeyPolicy"]),
            properties.get("KeyUsage", symmetric.key_usage),
            properties["KeySpec"],
            properties.get("Description"),
            properties.get("Tags", []),
        )
        made.enabled = symmetric.enabled
        del backend.keys[symmetric.id]
        return made

    with patch.object(Key, "create_from_cloudformation_json", classmethod(of_its_kind)):
        yield


PATCHES: tuple[Patch, ...] = (kinds_of_keys,)

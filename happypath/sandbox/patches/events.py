"""EventBridge: its rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.events.models import Rule

from happypath.sandbox.patches.served import Patch, Served


@contextmanager
def disabled_rules(_: Served) -> Iterator[None]:
    """A disabled rule sends nothing; moto's sends all the same.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
    """
    send: Any = Rule.send_to_targets

    def send_if_enabled(rule: Any, *arguments: Any, **named: Any) -> None:
        if rule.state != "DISABLED":
            send(rule, *arguments, **named)

    with patch.object(Rule, "send_to_targets", send_if_enabled):
        yield


PATCHES: tuple[Patch, ...] = (disabled_rules,)

"""The account's own policies of one kind, by their ids; they go with moto's state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from moto.cloudfront.models import cloudfront_backends

# As it is given.
Config: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Policies:
    """Those of one kind, such as cache policies, and AWS's own, by their ids."""

    kind: str
    managed: Mapping[str, Config]

    def _own(self, account_id: str) -> dict[str, Config]:
        state = vars(cloudfront_backends[account_id]["aws"])
        found: dict[str, Config] = state.setdefault(f"own_{self.kind}", {})
        return found

    def put(self, account_id: str, config: Config, policy_id: str = "") -> str:
        """Changes the policy of an id, or makes one where there is none; returns its id."""
        known = self._own(account_id)
        policy_id = policy_id if policy_id in known else str(uuid.uuid4())
        known[policy_id] = config
        return policy_id

    def remove(self, account_id: str, policy_id: str) -> None:
        """Removes a policy."""
        self._own(account_id).pop(policy_id, None)

    def find(self, account_id: str, policy_id: str) -> Config:
        """A policy's configuration.

        Raises:
            LookupError: there is no such policy.
        """
        return self._own(account_id).get(policy_id) or self.managed[policy_id]

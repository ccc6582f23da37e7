"""Who makes a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Root:
    """The account itself, which only a resource's policy can hold back. The sandbox's user is one."""

    account_id: str

    @property
    def arn(self) -> str:
        """`arn:aws:iam::123456789012:root`."""
        return f"arn:aws:iam::{self.account_id}:root"


@dataclass(frozen=True)
class RoleSession:
    """Somebody who has assumed a role: a function, an execution, a rule, a caller of AssumeRole."""

    role_arn: str
    session: str
    # The function or state machine that it is, for what is recorded of it.
    label: str = ""
    # What was given along with AssumeRole, as text.
    session_policy: str | None = None

    @property
    def account_id(self) -> str:
        """The role's account."""
        return self.role_arn.split(":")[4]

    @property
    def role(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def arn(self) -> str:
        """`arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`."""
        return f"arn:aws:sts::{self.account_id}:assumed-role/{self.role}/{self.session}"


@dataclass(frozen=True)
class User:
    """A user of IAM."""

    arn: str

    @property
    def account_id(self) -> str:
        """The user's account."""
        return self.arn.split(":")[4]

    @property
    def name(self) -> str:
        """The user's name, without its path."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Service:
    """A service of AWS, on behalf of a resource: `events.amazonaws.com` for a rule."""

    name: str
    source_arn: str | None = None
    source_account: str | None = None

    @property
    def arn(self) -> str:
        """The service's name, by which AWS's messages call it."""
        return self.name


@dataclass(frozen=True)
class Anonymous:
    """A request that nobody signed."""

    arn: str = field(default="anonymous", init=False)


Principal: TypeAlias = Root | RoleSession | User | Service | Anonymous

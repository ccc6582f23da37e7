"""IAM: who asks for what, and whether policies allow it. `enforcement` says how an integration asks."""

from happypath.sandbox.iam.denial import AccessDeniedError
from happypath.sandbox.iam.enforcement import assume, check, may
from happypath.sandbox.iam.principal import RoleSession, Service

__all__ = ["AccessDeniedError", "RoleSession", "Service", "assume", "check", "may"]

"""AWS in one process, for laptops, tests and CI: no Docker, no account, no network beyond loopback."""

from happypath.errors import ExpectedError


class DeployError(ExpectedError):
    """A stack could not be deployed; the message is CloudFormation's."""

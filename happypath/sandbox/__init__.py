"""AWS in one process, for laptops, tests and CI: no Docker, no account, no network beyond loopback."""


class DeployError(Exception):
    """A stack could not be deployed; the message is CloudFormation's."""

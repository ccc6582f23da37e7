"""Step Functions' own errors, by the codes that AWS gives them."""

from __future__ import annotations

from moto.core.exceptions import AWSError


class StatesError(AWSError):
    """An error that Step Functions answers with; `code` is one of those that its API reference names."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code, 400)


def invalid_arn(reason: str) -> StatesError:
    """What is no ARN, or that of another thing."""
    return StatesError("InvalidArn", f"Invalid Arn: '{reason}'")


def no_state_machine(arn: str) -> StatesError:
    """There is no such state machine, or version or alias of one."""
    return StatesError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_execution(arn: str) -> StatesError:
    """There is no such execution."""
    return StatesError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def no_resource(arn: str) -> StatesError:
    """There is nothing of that ARN."""
    return StatesError("ResourceNotFound", f"Resource not found: '{arn}'")


def validation(message: str) -> StatesError:
    """A request whose parts are not of the form that the API reference gives them."""
    return StatesError("ValidationException", message)


def not_for_type() -> StatesError:
    """An operation that Standard workflows have and Express workflows have not, or the other way round."""
    return StatesError(
        "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"
    )

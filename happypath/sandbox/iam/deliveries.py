"""What services need to deliver something to a queue, a topic, a function, a state machine, a log group.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from moto.awslambda.models import lambda_backends
from moto.logs.models import logs_backends

from happypath.sandbox.iam.enforcement import assume, check
from happypath.sandbox.iam.principal import Principal, RoleSession

_ACTIONS = {
    "events": ("events:PutEvents",),
    "firehose": ("firehose:PutRecordBatch",),
    "kinesis": ("kinesis:PutRecord",),
    "lambda": ("lambda:InvokeFunction",),
    "logs": ("logs:CreateLogStream", "logs:PutLogEvents"),
    "s3": ("s3:PutObject",),
    "sns": ("sns:Publish",),
    "sqs": ("sqs:SendMessage",),
    "states": ("states:StartExecution",),
}


def check_delivery(principal: Principal, arn: str) -> None:
    """Asks whether a principal may deliver to a resource; what is of no service here, it may.

    Raises:
        AccessDeniedError: it may not.
    """
    service = arn.split(":")[2]
    resource = f"{arn.removesuffix(':*')}:log-stream:" if service == "logs" else arn
    for action in _ACTIONS.get(service, ()):
        check(principal, action, resource)


def check_logging(principal: Principal, group: str, region: str, account_id: str) -> None:
    """Asks whether a principal may write to a log group, and make it if there is none.

    Raises:
        AccessDeniedError: it may not.
    """
    arn = f"arn:aws:logs:{region}:{account_id}:log-group:{group}"
    if group not in logs_backends[account_id][region].groups:
        check(principal, "logs:CreateLogGroup", f"{arn}:log-stream:")
    check_delivery(principal, arn)


def of_function(arn: str) -> RoleSession:
    """A function's session of its role, by which Lambda polls and delivers for it.

    Raises:
        AccessDeniedError: its role does not trust Lambda any longer.
    """
    parts = arn.split(":")
    function = lambda_backends[parts[4]][parts[3]].get_function(parts[6])
    return assume(function.role, "lambda.amazonaws.com", function.function_name)

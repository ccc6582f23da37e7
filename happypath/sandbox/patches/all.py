"""All patches of moto, by service."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from happypath.sandbox.patches import (
    apigatewayv2,
    assumed_roles,
    awslambda,
    cloudformation,
    cloudfront,
    cloudwatch,
    dynamodb,
    dynamodbstreams,
    event_sources,
    events,
    iam,
    kms,
    logs,
    resource_policies,
    s3,
    sns,
    speed,
    sqs,
    ssm,
    states_evaluation,
    states_language,
    stepfunctions,
    stepfunctions_clients,
    stepfunctions_service,
)
from happypath.sandbox.patches.served import Patch, Served

# In the order in which they are made: one that wraps what another replaces comes after it.
PATCHES: Mapping[str, Patch] = {
    f"{module.__name__.rpartition('.')[2]}.{patch.__name__}": patch
    for module in (
        awslambda,
        logs,
        sqs,
        sns,
        s3,
        events,
        stepfunctions,
        stepfunctions_clients,
        states_language,
        states_evaluation,
        stepfunctions_service,
        speed,
        cloudformation,
        cloudfront,
        dynamodb,
        dynamodbstreams,
        event_sources,
        ssm,
        iam,
        kms,
        resource_policies,
        assumed_roles,
        cloudwatch,
        apigatewayv2,
    )
    for patch in module.PATCHES
}


@contextmanager
def patched(served: Served, without: Collection[str] = ()) -> Iterator[None]:
    """Patches moto for one account; a test can leave out some, by names such as `events.disabled_rules`.

    Raises:
        ValueError: a name in `without` is of no patch.
    """
    if unknown := set(without) - set(PATCHES):
        raise ValueError(f"No patch is called {', '.join(sorted(unknown))}; there are {', '.join(PATCHES)}.")
    with ExitStack() as stack:
        for name, patch in PATCHES.items():
            if name not in without:
                stack.enter_context(patch(served))
        yield

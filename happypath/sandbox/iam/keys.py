"""Which condition keys the sandbox knows: their values are in the request's context, or known to be absent.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from happypath.sandbox.iam.conditions import Context

# Where one of these is not in a request, AWS has no value for it either.
_GLOBAL = frozenset(
    f"aws:{name}"
    for name in (
        "calledvia",
        "calledviafirst",
        "calledvialast",
        "currenttime",
        "epochtime",
        "federatedprovider",
        "multifactorauthage",
        "multifactorauthpresent",
        "principalaccount",
        "principalarn",
        "principalisawsservice",
        "principalorgid",
        "principalorgpaths",
        "principalservicename",
        "principalservicenameslist",
        "principaltype",
        "referer",
        "requestedregion",
        "resourceaccount",
        "resourceorgid",
        "resourceorgpaths",
        "securetransport",
        "sourceaccount",
        "sourcearn",
        "sourceidentity",
        "sourceip",
        "sourceowner",
        "sourceorgid",
        "sourceorgpaths",
        "sourcevpc",
        "sourcevpce",
        "tokenissuetime",
        "useragent",
        "userid",
        "username",
        "viaawsservice",
        "vpcsourceip",
    )
)
# Those of services, which requests fill in where the operation has them.
_OF_SERVICES = frozenset(
    {
        "dynamodb:enclosingoperation",
        "dynamodb:leadingkeys",
        "dynamodb:returnvalues",
        "dynamodb:select",
        "events:detail-type",
        "events:source",
        "iam:passedtoservice",
        "kms:viaservice",
        "lambda:functionarn",
        "s3:delimiter",
        "s3:max-keys",
        "s3:prefix",
        "s3:versionid",
        "s3:x-amz-acl",
        "s3:x-amz-copy-source",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-storage-class",
        "sns:endpoint",
        "sns:protocol",
        "sts:externalid",
        "sts:rolesessionname",
    }
)
# A role's tags are those of its sessions.
_TAGS = "aws:principaltag/"


def is_known(key: str, context: Context) -> bool:
    """Whether the sandbox can tell the value of a key (in lower case), if only that there is none."""
    return key in context or key in _GLOBAL or key in _OF_SERVICES or key.startswith(_TAGS)
